"""Measure seconds against m, megabytes against the number of weights and T, and fit them."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import hgref
from paper_repro.benchmark.complexity import FEW, Run, megabytes, penalties, seconds
from paper_repro.benchmark.compute import load, processor
from paper_repro.benchmark.problems import Case
from paper_repro.costs.fits import memory_fits, time_fits
from paper_repro.costs.setting import Setting
from paper_repro.record import surroundings, write_json

KEPT = 30_000_000  # bytes; glibc stops raising its bound at 32 MiB
ALGORITHMS = ("forward", "reverse", "checkpointed")


def compute(setting: Setting, folder: Path, bar: Any) -> dict[str, Path]:
    """Measure time and memory; write the numbers.

    setting  sizes and rounds
    folder   for the result
    bar      a tqdm progress bar; its total is set here
    returns  {"costs": its JSON file}
    Cost     rounds · three hypergradients at each m; six at each pair of p and T
    Beware   times are comparable only within one run, so an interrupted run starts over
    Source   Franceschi et al. 2017, section 4
    """
    started, before = time.perf_counter(), load()
    bar.reset(total=setting.ticks)
    bar.set_description("seconds")
    keep_memory()
    timed = seconds(
        {m: runs(timed_case(setting, m)) for m in setting.hypers},
        setting,
        bar.update,
        ALGORITHMS,
        pause=0,  # one thread: nothing to wait for, and an idle core starts slowly
    )
    bar.set_description("megabytes")
    counted = [{"T": T, **megabytes(weighed(setting, T), bar.update)} for T in setting.steps]
    content = {
        "experiment": "costs",
        "data": {"source": "random numbers, labelled by a random linear model"},
        "setting": asdict(setting),
        "seconds against m": timed,
        "megabytes against weights": counted,
        "fits": {**time_fits(timed), **memory_fits(counted)},
        "made with": {**surroundings(), "processor": processor(), "load before": before},
        "wall seconds": round(time.perf_counter() - started, 1),
    }
    return {"costs": write_json(folder / "costs.json", content)}


def keep_memory() -> None:
    """Make the allocator keep freed memory for every m alike.

    glibc returns freed memory to the system above a bound, which it raises to twice the size of the
    largest array freed so far. Freeing one large array at the start raises the bound for all m;
    otherwise the time jumps at the m whose arrays exceed it. On other systems this does nothing.
    """
    np.empty(KEPT, dtype=np.uint8)  # freed at once


def timed_case(setting: Setting, m: int) -> Case:
    """The problem that is timed, with m hyperparameters."""
    sizes = setting.examples, setting.features, setting.classes
    return penalties(setting, *sizes, setting.T, m)


def weighed(setting: Setting, T: int) -> dict[int, dict[str, Run]]:
    """Runs at each number of weights, with m = 2 and few examples, so that the weights dominate."""
    classes = setting.classes
    return {
        p: runs(penalties(setting, FEW, p // classes - 1, classes, T, 2)) for p in setting.weights
    }


def runs(case: Case) -> dict[str, Run]:
    """The three algorithms on a problem, as functions without arguments."""
    problem, lam = case.problem, case.lam
    return {
        "forward": lambda: hgref.forward(problem, lam, case.wrt),
        "reverse": lambda: hgref.reverse(problem, lam),
        "checkpointed": lambda: hgref.checkpointed(problem, lam),
    }
