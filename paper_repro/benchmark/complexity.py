"""Measure how time grows with m and T, and memory with the number of weights and T."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import hgref
from hgref.objectives import L2, Softmax
from hgref.problem import Problem
from paper_repro.benchmark.problems import Case, labelled
from paper_repro.benchmark.setting import Rounds, Seeded, Setting
from paper_repro.benchmark.timing import PAUSE, in_turn

FEW = 20  # examples where memory is measured, so that the weights dominate it

# curve → algorithm → exponent, as predicted by the costs in the docstrings of hgref.hypergradient
PREDICTED = {
    "seconds against m": {"forward": 1.0, "reverse": 0.0},
    "seconds against T": {"forward": 1.0, "reverse": 1.0},
    "megabytes against weights": {"forward": 1.0, "reverse": 1.0, "checkpointed": 1.0},
    "megabytes against T": {"forward": 0.0, "reverse": 1.0, "checkpointed": 0.5},
}

Run = Callable[[], Any]
Curve = Mapping[int, Mapping[str, Run]]  # x → algorithm → the call that is measured


def measured(setting: Setting, tick: Callable[[], None]) -> dict[str, Any]:
    """Measure every curve of `PREDICTED` on the fast layer.

    returns  curve → x, and for each algorithm its values and its log-log slope
    Cost     rounds · (two hypergradients at each m and T), and three at each number of weights
    """
    n, N, classes, T = setting.curve
    penalised = {m: runs(penalties(setting, n, N, classes, T, m)) for m in setting.hypers}
    longer = {t: runs(penalties(setting, n, N, classes, t, 2)) for t in setting.steps}
    wider = {p: runs(penalties(setting, FEW, p // classes - 1, classes, T, 2))
             for p in setting.weights}  # fmt: skip
    many = setting.weights[-2]  # large enough for the tape to dominate
    remembered = {t: runs(penalties(setting, FEW, many // classes - 1, classes, t, 2))
                  for t in setting.steps}  # fmt: skip
    curves = (
        seconds(penalised, setting, tick),
        seconds(longer, setting, tick),
        megabytes(wider, tick),
        megabytes(remembered, tick),
    )
    return {
        name: with_slopes(curve, predicted)
        for curve, (name, predicted) in zip(curves, PREDICTED.items(), strict=True)
    }


def penalties(setting: Seeded, n: int, N: int, classes: int, T: int, m: int) -> Case:
    """Softmax regression by momentum with m penalties, each on every m-th of the weights."""
    J, E = (Softmax(*labelled(setting, n, N, classes, j), classes) for j in range(2))
    groups = np.arange(J.p) % m
    problem = Problem(hgref.Momentum(J + L2(groups=groups)), E, T)
    return Case(problem, problem.pack(eta=0.2, mu=0.8, l2=np.full(m, 1e-3)), ("l2",))


def runs(case: Case) -> dict[str, Run]:
    from hgref.fast import cpu

    problem, lam = case.problem, case.lam
    return {
        "forward": lambda: cpu.forward(problem, lam, case.wrt),
        "reverse": lambda: cpu.reverse(problem, lam, recompute=True),
        "checkpointed": lambda: cpu.checkpointed(problem, lam, recompute=True),
    }


def seconds(
    curve: Curve,
    setting: Rounds,
    tick: Callable[[], None],
    names: Sequence[str] = ("forward", "reverse"),
    pause: float = PAUSE,
) -> dict[str, list[float]]:
    """Median seconds of these algorithms; all points of the curve take turns."""
    points = {f"{name} {x}": these[name] for x, these in curve.items() for name in names}
    for run in points.values():
        run()
    timed = in_turn(points, setting, tick, pause)
    medians = {point: float(np.median(s)) for point, s in timed.items()}
    return {"x": list(curve), **{n: [medians[f"{n} {x}"] for x in curve] for n in names}}


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


def with_slopes(curve: dict[str, list[float]], predicted: Mapping[str, float]) -> dict[str, Any]:
    slopes = {name: slope(curve["x"], curve[name]) for name in predicted}
    return {**curve, "slopes": slopes, "predicted": dict(predicted)}


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """d log y / d log x by least squares, over the larger half of the points."""
    later = len(x) // 2
    return float(np.polyfit(np.log(x[later:]), np.log(y[later:]), 1)[0])
