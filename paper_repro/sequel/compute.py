"""Compute the numbers of the three figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import hgref
from hgref import GradientDescent, Momentum, Problem
from hgref.arguments import Array
from hgref.constraints import Box
from hgref.objectives import L2, Softmax
from paper_repro.benchmark.problems import labelled
from paper_repro.record import surroundings, write_json
from paper_repro.sequel.setting import Setting

Row = dict[str, Any]
LARGEST_ETA = 2.0


def compute(setting: Setting, folder: Path, bar: Any) -> dict[str, Path]:
    """Run the three experiments; write the numbers of their figures.

    setting  sizes, rates, discounts
    folder   for the results
    bar      a tqdm progress bar; its total is set here
    returns  {"sequel-discount": …, "sequel-solvers": …, "sequel-directions": …}, JSON files
    Cost     discounts · repeats runs in real time; a few implicit gradients; estimates of
             ∇f along so many directions
    Source   Donini, Franceschi et al. 2020 (discount); the sources of `hgref.implicit`;
             Baydin et al. 2022 (directions)
    """
    bar.reset(total=setting.ticks)
    parts: dict[str, Callable[[Setting, Any], Row]] = {
        "discount": discount, "solvers": solvers, "directions": directions,
    }  # fmt: skip
    return {
        f"sequel-{name}": write_json(folder / f"sequel-{name}.json", content(make, setting, bar))
        for name, make in parts.items()
    }


def content(make: Callable[[Setting, Any], Row], setting: Setting, bar: Any) -> Row:
    """The numbers, with the fields that every result has."""
    started = time.perf_counter()
    bar.set_description(make.__name__)
    return {
        "experiment": "sequel",
        "data": {"source": "random numbers, labelled by a random linear model"},
        "setting": asdict(setting),
        **make(setting, bar),
        "made with": surroundings(),
        "wall seconds": round(time.perf_counter() - started, 1),
    }


def training(setting: Setting, **options: Any) -> Softmax:
    X, y = labelled(setting, setting.examples, setting.features, setting.classes, 0)
    rng = np.random.default_rng((setting.seed, 2))
    random = rng.integers(0, setting.classes, len(y))
    y = np.where(rng.random(len(y)) < setting.wrong, random, y)
    return Softmax(X, y, setting.classes, **options)


def validation(setting: Setting) -> Softmax:
    data = labelled(setting, setting.validation, setting.features, setting.classes, 1)
    return Softmax(*data, setting.classes)


# --- real time with a discount ---


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


# --- the limit ---


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


# --- random directions ---


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
