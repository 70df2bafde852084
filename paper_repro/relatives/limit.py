"""Measure how REVERSE-HG and the implicit gradient converge to the same limit as T grows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import hgref
from hgref import Hypergradient, Problem
from hgref.arguments import Array
from hgref.hypergradient.implicit import Implicit
from hgref.layout import Blocks
from paper_repro.benchmark.timing import Tick
from paper_repro.relatives.model import descent, momentum, training
from paper_repro.relatives.setting import Setting

TOL = 1e-12  # of the linear systems: smaller than all distances in the figure
Pose = Callable[[int], tuple[Problem, Array]]


def towards_the_limit(setting: Setting, bar: Any) -> dict[str, Any]:
    """The content of the second figure: distances between gradients against T, for two dynamics."""
    bar.set_description("to the limit")
    J = training(setting)

    def by_descent(T: int) -> tuple[Problem, Array]:
        return descent(setting, J, setting.gd_eta, T)

    def by_momentum(T: int) -> tuple[Problem, Array]:
        return momentum(setting, J, setting.momentum_eta, T)

    T = 2 * setting.momentum_T
    limit = hgref.implicit(*by_momentum(T), tol=TOL)
    lengths = np.arange(1, setting.points + 1) / setting.points
    return {
        "limit": {
            "by": f"implicit after T = {T} steps of momentum",
            "norm": float(np.linalg.norm(limit.grad)),
            "residual": limit.residual,
        },
        "curves": [
            {
                "dynamics": name,
                "eta": eta,
                **curve(pose, lengths * longest, limit.blocks, bar.update),
            }
            for name, eta, longest, pose in (
                ("gradient descent", setting.gd_eta, setting.gd_T, by_descent),
                ("momentum", setting.momentum_eta, setting.momentum_T, by_momentum),
            )
        ],
    }


def curve(pose: Pose, lengths: Array, limit: Blocks, tick: Tick) -> dict[str, Any]:
    """Distances at each T, the rate r predicted at the end of the last run, and fitted rates.

    reverse − implicit falls as T r^T, and implicit − limit as r^T.
    """
    steps = [round(T) for T in lengths]
    points = []
    for T in steps:
        reverse, implicit = both(*pose(T))
        points.append(distances(reverse, implicit, limit))
        tick()
    from_implicit, from_limit, to_limit = np.array(points).T
    return {
        "T": steps,
        "reverse to implicit": from_implicit,
        "reverse to limit": from_limit,
        "implicit to limit": to_limit,
        "rate": implicit.convergence.rate,
        "fitted": {
            "reverse to implicit": fitted_rate(steps, from_implicit / steps),
            "implicit to limit": fitted_rate(steps, to_limit),
        },
    }


def both(problem: Problem, lam: Array) -> tuple[Hypergradient, Implicit]:
    return hgref.reverse(problem, lam), hgref.implicit(problem, lam, tol=TOL)


def distances(
    reverse: Hypergradient, implicit: Hypergradient, limit: Blocks
) -> tuple[float, float, float]:
    """‖reverse − implicit‖, ‖reverse − limit‖, ‖implicit − limit‖; the limit is 0 in η and μ."""
    whole = reverse.layout.zeros(like=reverse.grad)
    for name in whole.keys() & limit.keys():
        whole[name] += limit[name]
    end = reverse.layout.flatten(whole)
    gaps = reverse.grad - implicit.grad, reverse.grad - end, implicit.grad - end
    return tuple(float(np.linalg.norm(gap)) for gap in gaps)  # type: ignore[return-value]


def fitted_rate(steps: list[int], distance: Array) -> float:
    """Fit c r^T to the later half of the points, where one mode dominates; returns r."""
    later = slice(len(steps) // 2, None)
    return float(np.exp(np.polyfit(steps[later], np.log(distance[later]), 1)[0]))
