"""Measure seconds and peak memory of algorithms, on a problem with m hyperparameters."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import hgref
from hgref.objectives import L2, Softmax
from hgref.problem import Problem
from paper_repro.benchmark.problems import Case, labelled
from paper_repro.benchmark.setting import Rounds, Seeded
from paper_repro.benchmark.timing import in_turn

FEW = 20  # examples where memory is measured, so that the weights dominate it

Run = Callable[[], Any]
Curve = Mapping[int, Mapping[str, Run]]  # x → algorithm → the call that is measured


def penalties(setting: Seeded, n: int, N: int, classes: int, T: int, m: int) -> Case:
    """Softmax regression by momentum with m penalties, each on every m-th of the weights."""
    J, E = (Softmax(*labelled(setting, n, N, classes, j), classes) for j in range(2))
    groups = np.arange(J.p) % m
    problem = Problem(hgref.Momentum(J + L2(groups=groups)), E, T)
    return Case(problem, problem.pack(eta=0.2, mu=0.8, l2=np.full(m, 1e-3)), ("l2",))


def seconds(
    curve: Curve,
    setting: Rounds,
    tick: Callable[[], None],
    names: Sequence[str],
    pause: float,
) -> dict[str, list[float]]:
    """The least seconds of these algorithms; all points of the curve take turns.

    The least, because what disturbs a timing only adds to it: where the clock of the processor
    falls between two rounds, medians are of one round here and of the other there.
    """
    points = {f"{name} {x}": these[name] for x, these in curve.items() for name in names}
    for run in points.values():
        run()
    timed = in_turn(points, setting, tick, pause)
    least = {point: min(s) for point, s in timed.items()}
    return {"x": list(curve), **{n: [least[f"{n} {x}"] for x in curve] for n in names}}


def megabytes(curve: Curve, tick: Callable[[], None]) -> dict[str, list[float]]:
    """Peak megabytes (10⁶ bytes) of NumPy arrays, without those of the problem itself."""
    found: dict[str, list[float]] = {"x": list(curve), "forward": [], "reverse": [],
                                     "checkpointed": []}  # fmt: skip
    for these in curve.values():
        for name, run in these.items():
            run()
            found[name].append(most_bytes(run)[0] / 1e6)
        tick()
    return found


def most_bytes(run: Run) -> tuple[int, Any]:
    """(peak bytes of NumPy arrays allocated during the call, its result).

    Beware   in a first call, the modules that it imports count too
    """
    tracemalloc.start()
    try:
        result = run()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()
