"""Compute the numbers of Table 2 and Figure 2."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from paper_repro.data.tasks import Tasks
from paper_repro.digest import origin
from paper_repro.interval import interval
from paper_repro.record import surroundings, write_json
from paper_repro.sweep.engine import Sweep
from paper_repro.sweep.task import Method, Row, Task, tasks_of
from paper_repro.sweep.workers import InTurn, Start
from paper_repro.task_interactions.methods import METHODS, learn
from paper_repro.task_interactions.setting import Setting
from paper_repro.task_interactions.splits import split

BOUNDED = "HMTL-S"  # the method with the bound R


def compute(
    tasks: Tasks, setting: Setting, folder: Path, bar: Any, start: Start = InTurn
) -> dict[str, Path]:
    """Run each method on each split; write the numbers of the table and the figure.

    folder   for the results; its subfolder `.partial` holds the progress of an interrupted run,
             from which the next one continues
    bar      a tqdm progress bar; its total is set here
    start    the workers, see `paper_repro.sweep.workers`
    returns  name → JSON file: table2, figure2, errors
    Cost     seeds · 4 · hyper_iterations hypergradients
    Source   Franceschi et al. 2017, section 5.2
    """
    started, partial = time.perf_counter(), folder / ".partial"
    seeds = range(setting.seed, setting.seed + setting.seeds)
    each = tasks_of(setting.experiment, methods(setting), setting, seeds, tasks)
    todo = Sweep(each, run, tasks, partial, start, bar.write)
    resumed = bool(todo.rows)
    bar.reset(total=len(each))
    bar.update(len(todo.rows))
    with closing(todo.as_completed()) as done:
        for task in done:
            bar.set_description(f"split {task.seed}, {task.method}")
            bar.update()
    splits = [{name: todo.rows[name, seed] for name in METHODS} for seed in seeds]
    about = {"wall seconds": round(time.perf_counter() - started, 1), "resumed": resumed}
    paths = write(splits, tasks, setting, folder, about)
    for task in each:
        (partial / task.file).unlink()
    with suppress(OSError):  # there are results of another setting
        (partial / setting.experiment).rmdir()
    return paths


def methods(setting: Setting) -> Iterator[Method]:
    """The four of Table 2."""
    for name in METHODS:
        yield Method(name, R=setting.R if name == BOUNDED else None)


def run(tasks: Tasks, task: Task, needed: Row | None) -> Row:
    """The result of a method on a split."""
    setting: Any = task.setting
    return learn(task.method, split(tasks, setting, task.seed), setting)._asdict()


def write(
    splits: list[Row], tasks: Tasks, setting: Setting, folder: Path, beside: Row
) -> dict[str, Path]:
    """Write the numbers of the table and the figure, from the results on each split.

    splits   for each split: method → its result
    beside   further information about the run, to be stored with the numbers
    returns  name → JSON file: table2, figure2, errors
    """
    about = {
        "experiment": setting.experiment,
        "data": {**origin(tasks), "classes": tasks.classes},
        "setting": asdict(setting),
        "made with": surroundings(),
        **beside,
    }
    contents = {
        "table2": {
            **about,
            "rows": [row(name, splits) for name in METHODS],
            "splits": [{n: without_path(found) for n, found in one.items()} for one in splits],
        },
        "figure2": {**about, **relations(splits), **pictures(tasks)},
        "errors": {**about, "E_val": errors(splits)},
    }
    return {
        name: write_json(folder / f"{setting.experiment}-{name}.json", content)
        for name, content in contents.items()
    }


# --- Table 2 ---


def row(name: str, splits: list[Row]) -> Row:
    """Mean and standard deviation of the test accuracy, and the gain over SLT on the same split."""
    test = np.array([found[name]["test"] for found in splits])
    gain, half = interval(test - [found["SLT"]["test"] for found in splits])
    return {
        "method": name,
        "test accuracy": test.mean(),
        "deviation": test.std(ddof=1),
        "gain over SLT": gain,
        "95 % interval": [gain - half, gain + half],
        "validation error": np.mean([found[name]["error"] for found in splits]),
    }


def without_path(found: Row) -> Row:
    return {name: value for name, value in found.items() if name != "path"}


# --- the outer loops ---


def errors(splits: list[Row]) -> Row:
    """The mean of E_val over the splits before each hyper-iteration, for methods that have some."""
    paths = {name: [found[name]["path"] for found in splits] for name in METHODS}
    return {name: np.mean(path, axis=0) for name, path in paths.items() if path[0] is not None}


# --- Figure 2 ---


def relations(splits: list[Row]) -> Row:
    """For HMTL and HMTL-S: the mean of C over the splits, and how often C > 0, for each pair."""
    matrices = {name: np.array([found[name]["C"] for found in splits])
                for name in METHODS if splits[0][name]["C"] is not None}  # fmt: skip
    return {
        "C": {name: C.mean(axis=0) for name, C in matrices.items()},
        "related": {name: (C > 0).mean(axis=0) for name, C in matrices.items()},
    }


def pictures(tasks: Tasks) -> Row:
    """One picture of each class as bytes; None if the examples have no pictures."""
    if tasks.pictures is None:
        return {"pictures": None}
    first = tasks.pictures[:, 0]
    return {"side": first.shape[1], "pictures": [bytes(one.reshape(-1)).hex() for one in first]}
