"""Time the contenders of one problem in turn, so that a busy moment affects all of them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.layout import Layout
from paper_repro.benchmark.contenders import Run, prepared
from paper_repro.benchmark.floor import square_rate
from paper_repro.benchmark.problems import PROBLEMS
from paper_repro.benchmark.setting import Rounds, Setting

ALIKE = {"float64": 1e-8, "float32": 1e-3}  # largest relative difference between contenders
PAUSE = 0.05  # seconds for the threads of the previous contender to fall asleep

Tick = Callable[[], None]


def timed(setting: Setting, problem: str, dtype: str, peers: bool, tick: Tick) -> dict[str, Any]:
    """Compare the gradients of all contenders on one problem in one precision, then time them.

    returns  contender → seconds of its first call (None if it was not run), difference of its
             gradient, median, least and most seconds of a call, rounds
    Raises   ArithmeticError if two contenders compute different numbers
    """
    case = PROBLEMS[problem].build(setting)
    names = PROBLEMS[problem].names(peers)
    if dtype != "float64" and "readable" in names:
        names.remove("readable")  # it supports only float64
    runs = {name: prepared(name, case, dtype) for name in names}
    first = {name: first_call(run) for name, run in runs.items()}
    truth = first["fast"][1] if dtype == "float64" else prepared("fast", case, "float64")()
    found = {
        name: {"first call": seconds, "difference": difference(gradient, truth, case.columns)}
        for name, (seconds, gradient) in first.items()
    }
    refuse_different(problem, dtype, found)
    for name, seconds in in_turn(runs, setting, tick).items():
        found[name] |= summary(seconds)
    return {
        "T": case.problem.T,
        "m": case.columns.size,
        "contenders": found,
        "square products, 1e9 operations a second": square_rate(dtype),
        "threaded libraries": libraries(),
    }


def libraries() -> list[dict[str, Any]]:
    """The BLAS and OpenMP libraries of this process, and their numbers of threads."""
    from threadpoolctl import threadpool_info

    fields = ("user_api", "internal_api", "version", "architecture", "num_threads")
    return [{field: one.get(field) for field in fields} for one in threadpool_info()]


def first_call(run: Run) -> tuple[float, Array | None]:
    """(seconds of the first call, compilation included, its result)."""
    started = time.perf_counter()
    gradient = run()
    return time.perf_counter() - started, gradient


def difference(found: Array | None, true: Array | None, columns: Layout) -> float | None:
    """The largest over the blocks of λ of ‖found − true‖ / ‖true‖; None without a gradient."""
    if found is None or true is None:
        return None
    pairs = zip(columns.split(found).values(), columns.split(true).values(), strict=True)
    return max(float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in pairs)


def refuse_different(problem: str, dtype: str, found: dict[str, dict[str, Any]]) -> None:
    for name, row in found.items():
        apart = row["difference"]
        if apart is not None and not apart <= ALIKE[dtype]:
            raise ArithmeticError(
                f"{problem}, {dtype}: the gradient by {name} differs by {apart:.1e} from that of "
                f"the fast layer, expected at most {ALIKE[dtype]:g}; nothing was timed"
            )


def in_turn(
    runs: Mapping[str, Callable[[], Any]], setting: Rounds, tick: Tick, pause: float = PAUSE
) -> dict[str, list[float]]:
    """Seconds of each call; in each round all contenders run once, slow ones in fewer rounds.

    pause    seconds to sleep before each call
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for round in range(setting.rounds):
        for name, run in runs.items():
            if round < setting.slow_rounds or seconds[name][0] < setting.slow:
                seconds[name].append(one(run, pause))
        tick()
    return seconds


def one(run: Callable[[], Any], pause: float) -> float:
    gc.collect()
    time.sleep(pause)
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def summary(seconds: Sequence[float]) -> dict[str, Any]:
    return {
        "median": float(np.median(seconds)),
        "least": min(seconds),
        "most": max(seconds),
        "rounds": len(seconds),
    }
