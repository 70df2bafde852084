"""`python -m paper_repro … --seeds N --workers N`."""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from functools import partial
from typing import Any

from hgref.arguments import as_count
from paper_repro.experiments import FIGURES
from paper_repro.sweep.engine import Sweep
from paper_repro.sweep.task import tasks_of
from paper_repro.sweep.workers import InTurn, Processes, Start, cluster

SWEPT = {name: one.sweep for name, one in FIGURES.items() if one.sweep is not None}
OWN_SEEDS = {"task-interactions"}  # have seeds of their own: --seeds alone is no sweep
OPTIONS = ("seeds", "workers", "scheduler")
FOLDER = ".sweep"


def add_options(parser: argparse.ArgumentParser, shown: bool, **defaults: Any) -> None:
    """Seeds and workers; hidden from the help of an experiment that has none."""
    title = f"many seeds ({', '.join(SWEPT)})"
    group: Any = parser.add_argument_group(title) if shown else parser
    where: Any = group.add_mutually_exclusive_group()
    for to, name, kind, metavar, words in (
        (group, "seeds", int, "N", "so many seeds, from --seed on: means, intervals, paired "
         "differences; what was computed before is not computed again"),
        (where, "workers", int, "N", "on so many processes of this machine, a core each"),
        (where, "scheduler", str, "ADDRESS", "on the workers of the Dask cluster whose scheduler "
         "is at ADDRESS (extra: dask)"),
    ):  # fmt: skip
        default = defaults.get(name, argparse.SUPPRESS)
        told = words if shown else argparse.SUPPRESS
        to.add_argument(f"--{name}", type=kind, metavar=metavar, default=default, help=told)


def asked(options: argparse.Namespace) -> bool:
    """Whether the command line asks for a sweep."""
    given = [name for name in OPTIONS if getattr(options, name) is not None]
    return bool(given) and not (given == ["seeds"] and options.experiment in OWN_SEEDS)


def run(options: argparse.Namespace) -> None:
    """Sweep one experiment, or all that have seeds; print what was left out."""
    name = options.experiment
    if name is not None and name not in SWEPT:
        given = ", ".join(f"--{one}" for one in OPTIONS if getattr(options, one) is not None)
        raise ValueError(f"{given}: expected one of {', '.join(SWEPT)}, or no name, found {name}")
    start = start_of(options)
    for one in SWEPT if name is None else (name,):
        try:
            sweep(one, options, start)
        except (FileNotFoundError, ModuleNotFoundError) as error:
            if name is not None:
                raise
            print(f"skipped: {one}: {error}")
    if name is None:
        print(f"left out, without seeds: {', '.join(one for one in FIGURES if one not in SWEPT)}")


def start_of(options: argparse.Namespace) -> Start:
    """Makes the executor on which the tasks run."""
    if options.workers is not None and options.scheduler is not None:
        raise ValueError("workers: expected either --workers or --scheduler, found both")
    if options.workers is not None:
        return partial(Processes, as_count("workers", options.workers, 1))
    return InTurn if options.scheduler is None else cluster(options.scheduler)


def seeds_of(options: argparse.Namespace, setting: Any) -> range:
    """As many seeds as the setting or --seeds says, from the setting's on."""
    count = getattr(setting, "seeds", options.seeds)
    if count is None:
        raise ValueError("seeds: expected --seeds N with --workers or --scheduler, found none")
    return range(setting.seed, setting.seed + as_count("seeds", count, 2))


def sweep(name: str, options: argparse.Namespace, start: Start) -> None:
    """All tasks of one experiment, then its table and figure."""
    from tqdm import tqdm

    started = time.perf_counter()
    module, setting = SWEPT[name], FIGURES[name].command.setting_of(options)
    seeds = seeds_of(options, setting)
    data = module.load(setting, options.data_dir)
    tasks = tasks_of(name, module.methods(setting), setting, seeds, data)
    todo = Sweep(tasks, module.run, data, options.out / FOLDER, start, tqdm.write)
    there = len(todo.rows)
    print(f"{name} on {data.name}: {len(tasks)} tasks, {there} of them done before")
    bar = tqdm(total=len(tasks), initial=there, unit="task", smoothing=0)
    with bar, closing(todo.as_completed()) as done:
        for task in done:
            bar.set_description(f"{task.method}, seed {task.seed}", refresh=False)
            bar.update()
    beside = {"wall seconds": round(time.perf_counter() - started, 1), "resumed": there > 0}
    made, table = module.finish(todo.rows, data, setting, options.out, beside)
    print(table)
    for path in made:
        print(f"wrote {path}")
