"""Real time with a discount: paths of η for each γ, and both ends of the scale."""

from __future__ import annotations

from typing import Any

import numpy as np

import hgref
from hgref import GradientDescent, Momentum, Problem
from hgref.constraints import Box
from paper_repro.sequel.model import training, validation
from paper_repro.sequel.setting import Setting

Row = dict[str, Any]
LARGEST_ETA = 2.0


def discount(setting: Setting, bar: Any) -> Row:
    """Paths of η and of E for each γ, and how far γ = 1 and γ = 0 are from what they should be."""
    curves = []
    for gamma in setting.discounts:
        runs = []
        for repeat in range(setting.repeats):
            runs.append(in_real_time(setting, repeat, gamma))
            bar.update()
        curves.append({
            "discount": gamma,
            "t": runs[0].t,
            "eta": runs[0]["eta"],
            "error": runs[0].f,
            "last errors": [run.f[-1] for run in runs],
        })  # fmt: skip
    fixed = [last_error(setting, repeat) for repeat in range(setting.repeats)]
    return {"curves": curves, "without": fixed, "apart": ends(setting)}


def stochastic(setting: Setting, repeat: int, dynamics: Any = Momentum) -> Problem:
    rng = np.random.default_rng((setting.seed, 3, repeat))
    batches = rng.integers(0, setting.examples, (setting.T, setting.batch))
    J = training(setting, batches=batches)
    return Problem(dynamics(J), validation(setting), setting.T, 0.01 * rng.standard_normal(J.p))


def in_real_time(setting: Setting, repeat: int, gamma: float) -> hgref.RealTime:
    """One run in which η alone is learned."""
    problem = stochastic(setting, repeat)
    return hgref.realtime(
        problem,
        problem.pack(eta=setting.eta, mu=setting.mu),
        setting.every,
        hgref.outer.Adam(setting.rate),
        Box(0.0, LARGEST_ETA).project,
        wrt=["eta"],
        discount=gamma,
    )


def last_error(setting: Setting, repeat: int) -> float:
    """E at the end of the same run with η left at its start."""
    problem = stochastic(setting, repeat)
    return float(problem.f(problem.pack(eta=setting.eta, mu=setting.mu)))


def ends(setting: Setting) -> Row:
    """Largest distance of the path of η from RTHO at γ = 1, and from the published rule at γ = 0.

    Hypergradient descent (Baydin et al. 2018), with E's gradient in place of the next
    mini-batch's:   η ← η + β ∇E(w_t) · ∇J_t(w_{t-1})
    """
    problem = stochastic(setting, 0, GradientDescent)
    lam, beta = problem.pack(eta=setting.eta), 1e-3
    rule = hgref.outer.GradientDescent(beta)
    whole = hgref.realtime(problem, lam, 1, rule)
    same = hgref.realtime(problem, lam, 1, rule, discount=1.0)
    J, E, w, eta = problem.dynamics.J, problem.E, problem.w0, setting.eta
    path = [eta]
    for t in range(1, setting.T + 1):
        g = J.grad(t, w, {})
        w = w - eta * g
        eta = eta + beta * float(E.grad(t, w, {}) @ g)
        path.append(eta)
    none = hgref.realtime(problem, lam, 1, rule, discount=0.0)
    return {
        "from RTHO at 1": float(np.abs(whole["eta"] - same["eta"]).max()),
        "from hypergradient descent at 0": float(np.abs(none["eta"] - path).max()),
    }
