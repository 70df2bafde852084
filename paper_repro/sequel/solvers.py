"""The gradient in the limit: error against products, of each way to it."""

from __future__ import annotations

from typing import Any

import numpy as np

import hgref
from hgref import GradientDescent, Problem
from hgref.objectives import L2
from paper_repro.sequel.model import training, validation
from paper_repro.sequel.setting import Setting

Row = dict[str, Any]


def solvers(setting: Setting, bar: Any) -> Row:
    """Error against products, of each way to the gradient in the limit, from one state."""
    J = training(setting, example_weights=True) + L2()
    eta = 1 / largest_curvature(J, setting)
    problem = Problem(GradientDescent(J), validation(setting), setting.steps)
    lam = problem.pack(eta=eta, weights=np.ones(setting.examples), l2=setting.l2)
    limit = hgref.implicit(problem, lam, tol=1e-13)
    bar.update()
    curves: dict[str, list[tuple[int, float]]] = {}
    for solver in ("cg", "neumann", "fixed_point"):
        points = [hgref.implicit(problem, lam, solver, tol) for tol in setting.tolerances]
        curves[solver] = [(g.products, away(g, limit)) for g in points]
    one = hgref.implicit(problem, lam, "one-step")
    curves["one-step"] = [(1, away(one, limit))]
    bar.update()
    cut = [(K, hgref.truncated(problem, lam, K)) for K in setting.K if setting.steps >= K]
    curves["truncated"] = [(K, away(g, limit)) for K, g in cut]
    whole = hgref.reverse(problem, lam)
    bar.update()
    return {
        "curves": {
            name: {"products": [p for p, _ in points], "error": [e for _, e in points]}
            for name, points in curves.items()
        },
        "reverse": {"products": setting.steps, "error": away(whole, limit)},
        "rate": limit.convergence.rate,
        "residual": limit.residual,
    }


def largest_curvature(J: Any, setting: Setting) -> float:
    """The largest curvature of J at 0, so that η = 1/L is stable."""
    blocks = {"weights": np.ones(setting.examples), "l2": np.array(setting.l2)}
    H = J.at(1, np.zeros(J.p), blocks).jvp(np.eye(J.p), {})
    return float(np.linalg.eigvalsh(H)[-1])


def away(g: hgref.Hypergradient, limit: hgref.Hypergradient) -> float:
    """‖g − limit‖ / ‖limit‖ over the weights of examples and the penalty: η has no limit."""
    names = ("weights", "l2")
    off = sum(np.sum((g[n] - limit[n]) ** 2) for n in names)
    return float(np.sqrt(off / sum(np.sum(limit[n] ** 2) for n in names)))
