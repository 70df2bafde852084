"""Everything of one problem timed in turn, so that a busy moment falls on all of it alike."""

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

ALIKE = {"float64": 1e-8, "float32": 1e-3}  # the relative difference up to which two are the same
PAUSE = 0.05  # seconds in which the threads of the last contender fall asleep

Tick = Callable[[], None]


def timed(setting: Setting, problem: str, dtype: str, peers: bool, tick: Tick) -> dict[str, Any]:
    """One problem in one precision: every contender's gradient compared, then all timed in turn.

    returns  contender → seconds of its first call (None where it was not run), difference of its
             gradient, median, least and most seconds of a call, rounds
    Raises   ArithmeticError where two contenders computed different numbers
    """
    case = PROBLEMS[problem].build(setting)
    names = PROBLEMS[problem].names(peers)
    if dtype != "float64" and "readable" in names:
        names.remove("readable")  # it has float64 alone
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
    """BLAS and OpenMP in this process: which, and on how many threads."""
    from threadpoolctl import threadpool_info

    fields = ("user_api", "internal_api", "version", "num_threads")
    return [{field: one.get(field) for field in fields} for one in threadpool_info()]


def first_call(run: Run) -> tuple[float, Array | None]:
    """Its seconds, among them those of compilation, and what it computed."""
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
                f"{problem}, {dtype}: the gradient by {name} is {apart:.1e} away from that of the "
                f"fast layer, expected at most {ALIKE[dtype]:g}; nothing was timed"
            )


def in_turn(
    runs: Mapping[str, Callable[[], Any]], setting: Rounds, tick: Tick, pause: float = PAUSE
) -> dict[str, list[float]]:
    """Seconds of each call: first, second, … of all, then again; slow ones in fewer rounds.

    pause    seconds before each call
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
