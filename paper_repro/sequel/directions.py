"""Estimates of ∇f along random directions: squared errors, and the closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

import hgref
from hgref import Momentum, Problem
from hgref.arguments import Array
from hgref.objectives import L2
from paper_repro.sequel.model import training, validation
from paper_repro.sequel.setting import Setting

Row = dict[str, Any]


def directions(setting: Setting, bar: Any) -> Row:
    """Mean squared errors of estimates along k random directions, and the closed form."""
    J = training(setting, example_weights=True) + L2()
    problem = Problem(Momentum(J), validation(setting), setting.short)
    weights = np.ones(setting.examples)
    lam = problem.pack(eta=0.1, mu=setting.mu, weights=weights, l2=setting.l2)
    g = hgref.reverse(problem, lam).grad
    size, rows = float(g @ g), []
    for k in setting.directions:
        off = [square_error(problem, lam, k, seed, g) for seed in range(setting.estimates)]
        rows.append({
            "k": k,
            "mean": float(np.mean(off)) / size,
            "standard error": float(np.std(off, ddof=1) / np.sqrt(len(off))) / size,
            "closed form": (lam.size - 1) / k,
        })  # fmt: skip
        bar.update()
    return {"m": lam.size, "rows": rows}


def square_error(problem: Problem, lam: Array, k: int, seed: int, g: Array) -> float:
    """‖estimate − ∇f‖²."""
    estimate = hgref.forward(problem, lam, directions=k, seed=seed).grad
    return float(np.sum((estimate - g) ** 2))
