"""Compute the numbers of Table 3 and Figure 3."""

from __future__ import annotations

import functools
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numba
import numpy as np

from paper_repro.data.speech.phones import Phones
from paper_repro.digest import origin
from paper_repro.phones.methods import (
    RATES,
    REAL,
    Losses,
    Tick,
    real_time,
    replayed,
    vanilla,
    warm_up,
)
from paper_repro.phones.progress import Progress
from paper_repro.phones.search import random_search
from paper_repro.phones.setting import Setting
from paper_repro.phones.two_heads import Row, testing, training, validation
from paper_repro.record import remembered, surroundings, write_json

METHODS = ("Vanilla", "RTHO", "RTHO-NT", "RS")  # RS last: RTHO determines its time


def compute(phones: Phones, setting: Setting, folder: Path, bar: Any) -> dict[str, Path]:
    """Train with each method; write the numbers of the table and the figure.

    folder   for the results; its subfolder `.partial` holds the finished methods, from which an
             interrupted run continues
    bar      a tqdm progress bar; its total is set here
    returns  name → JSON file: table3, figure3
    Cost     two runs of T steps with three columns of Z, and a search that takes `budget` times as
             long as one of them
    Beware   random search has a time limit, so its result depends on the machine and on its load.
             If another process occupies a core, waiting threads slow down random search more than
             RTHO, and it finishes too few runs: compare on an idle machine, or on one thread
             (NUMBA_NUM_THREADS=1)
    Source   Franceschi et al. 2017, section 5.3
    """
    started = time.perf_counter()
    partial = folder / ".partial" / f"{setting.experiment}-{setting.key(phones.name)}"
    resumed = partial.exists()
    progress = Progress(bar, len(METHODS))
    progress.begin("compiling")
    J, E = training(phones, setting), validation(phones, setting)
    losses = Losses(J, E, testing(phones, setting), setting)
    warm_up(losses)
    found = dict(all_methods(losses, partial, progress))
    epoch = len(phones.train) / setting.batch
    about = {
        "experiment": setting.experiment,
        "data": {
            **origin(phones),
            "frames": [len(phones.train), len(phones.valid), len(phones.test)],
            "validation frames looked at": len(E.y),
            "states": phones.states,
            "weights": J.p,
        },
        "setting": asdict(setting),
        "made with": {
            **surroundings(),
            "dtype": np.dtype(REAL).name,
            "threads": numba.get_num_threads(),
        },
        "wall seconds": round(time.perf_counter() - started, 1),
        "resumed": resumed,
    }
    contents = {
        "table3": {
            **about,
            "rows": [table_row(name, found[name]) for name in METHODS],
            "search": found["RS"]["search"],
        },
        "figure3": {**about, "curves": {name: curve(found[name], epoch) for name in METHODS}},
    }
    stem = setting.experiment
    paths = {n: write_json(folder / f"{stem}-{n}.json", c) for n, c in contents.items()}
    shutil.rmtree(partial, ignore_errors=True)
    return paths


def all_methods(losses: Losses, partial: Path, progress: Progress) -> Iterator[tuple[str, Row]]:
    """Yield (name, result) of each method; finished ones are read from their files."""
    found = dict[str, Row]()
    for name in METHODS:
        progress.begin(name)
        about = losses, found.get("RTHO"), partial / "trials.json", progress.look
        make = functools.partial(trained, name, *about)
        found[name] = remembered(partial / f"{name}.json", make, progress.bar.write)
        progress.end()
        yield name, found[name]


def trained(name: str, losses: Losses, rtho: Row | None, trials: Path | None, tick: Tick) -> Row:
    """The result of a method.

    name    one of METHODS, or of what they are compared with over many seeds: "RTHO, one task",
            whose ρ is 0, and "Vanilla, rates of RTHO"
    rtho    the result of RTHO: random search takes a multiple of its seconds, and the last of the
            names above its rates
    trials  the file in which random search saves its trials; None: it does not save them
    """
    setting = losses.setting
    if name == "Vanilla":
        return vanilla(losses, tick)
    start = {"eta": setting.eta, "mu": setting.mu, "rho": 0.0}
    if name == "RTHO":
        return real_time(losses, start, tick)
    if name == "RTHO-NT":
        return real_time(losses, dict.fromkeys(RATES, 0.0), tick)
    if name == "RTHO, one task":
        return real_time(losses, start, tick, moved=("eta", "mu"))
    if rtho is None:
        raise ValueError(f"{name}: expected the result of RTHO, found none")
    if name == "Vanilla, rates of RTHO":
        return replayed(losses, rtho, tick)
    return random_search(losses, setting.budget * rtho["seconds"], trials, tick)


def table_row(name: str, found: Row) -> Row:
    """A row of Table 3: accuracies, seconds, and λ at the start and in the last steps.

    For random search they are those of its best run, except the seconds, which are of all runs.
    """
    last = found["rows"][-1] if found["rows"] else found["start"]
    same = ("test accuracy", "validation accuracy", "seconds", "steps", "ended", "weights", "start")
    return {
        "method": name,
        **{key: found[key] for key in same},
        "end": {key: last[key] for key in RATES},
        "runs": runs(found),
    }


def runs(found: Row) -> int:
    """The number of networks that a method trained."""
    return len(found.get("search", [found]))


def curve(found: Row, epoch: float) -> Row:
    """Validation accuracy, validation error and λ of the best run over the epochs."""
    rows = found["rows"]
    return {
        "runs": runs(found),
        "epoch": [row["t"] / epoch for row in rows],
        **{key: [row[key] for row in rows] for key in ("accuracy", "error", *RATES)},
    }
