"""Measure seconds against m, megabytes against the number of weights and T, and fit them."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import hgref
from hgref.hypergradient.tape import numbers
from hgref.objectives import L2, Softmax
from hgref.problem import Problem
from paper_repro.benchmark.compute import load
from paper_repro.benchmark.problems import Case, labelled
from paper_repro.costs.fits import memory_fits, time_fits
from paper_repro.costs.measure import FEW, Run, megabytes, penalties, seconds
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
    kept = bytes_of_a_weight(setting)
    content = {
        "experiment": "costs",
        "data": {"source": "random numbers, labelled by a random linear model"},
        "setting": asdict(setting),
        "seconds against m": timed,
        "megabytes against weights": counted,
        "bytes of a weight": kept,
        "fits": {**time_fits(timed), **memory_fits(counted, kept)},
        "made with": {**surroundings(), "load before": before},
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
    return {p: runs(weighed_case(setting, p, T)) for p in setting.weights}


def weighed_case(setting: Setting, p: int, T: int) -> Case:
    """The problem whose memory is measured, with p weights; forward carries η and the penalty."""
    sizes = FEW, p // setting.classes - 1, setting.classes
    J, E = (Softmax(*labelled(setting, *sizes, j), setting.classes) for j in range(2))
    problem = Problem(hgref.Momentum(J + L2()), E, T)
    return Case(problem, problem.pack(eta=0.2, mu=0.8, l2=1e-3), ("eta", "l2"))


def bytes_of_a_weight(setting: Setting) -> dict[str, float]:
    """How many bytes a state and a linearised step grow by, for each further weight."""
    few, many = (weighed_case(setting, p, 1).problem for p in setting.weights[:2])
    more = many.p - few.p
    return {
        "state": 8 * (many.d - few.d) / more,
        "linearised step": 8 * (numbers(many) - numbers(few)) / more,
    }


def runs(case: Case) -> dict[str, Run]:
    """The three algorithms on a problem, as functions without arguments."""
    problem, lam = case.problem, case.lam
    return {
        "forward": lambda: hgref.forward(problem, lam, case.wrt),
        "reverse": lambda: hgref.reverse(problem, lam),
        "checkpointed": lambda: hgref.checkpointed(problem, lam),
    }
