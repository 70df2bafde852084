"""The methods of Table 2: single tasks, one relation for all pairs, and learnt relations."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import hgref
from hgref.arguments import Array
from hgref.constraints import Box, CappedSum, Constraint, NonNegative, Product, Symmetric
from hgref.fast import cpu
from hgref.objectives import L2, Objective, Softmax, TaskCoupling
from hgref.outer import Adam, minimize
from paper_repro.task_interactions.authors import best, single_tasks
from paper_repro.task_interactions.setting import Setting
from paper_repro.task_interactions.splits import Part, Split


class Method(NamedTuple):
    """A regulariser of softmax regression and the constraints on its hyperparameters.

    penalty  (number of tasks K, number of features N) → the regulariser
    sets     (setting, K) → the constraint of each block of λ; all blocks start at 0
    """

    penalty: Callable[[int, int], Objective]
    sets: Callable[[Setting, int], dict[str, Constraint]]


def own_penalties(K: int, N: int) -> Objective:
    """Σ_k ρ_k ‖w_k‖². L2 has a factor ½, so l2_k = 2 ρ_k; the coefficient of the biases stays 0."""
    return L2(np.append(np.repeat(np.arange(K), N), np.full(K, K)))


METHODS = {
    "SLT": Method(
        own_penalties, lambda setting, K: {"l2": Box(0.0, np.append(np.full(K, np.inf), 0.0))}
    ),
    "NMTL": Method(
        lambda K, N: TaskCoupling(K, N, "equal"),
        lambda setting, K: {"C": NonNegative(), "rho": NonNegative()},
    ),
    "HMTL": Method(
        TaskCoupling, lambda setting, K: {"C": Symmetric(NonNegative()), "rho": NonNegative()}
    ),
    "HMTL-S": Method(
        TaskCoupling,
        lambda setting, K: {"C": Symmetric(CappedSum(setting.R)), "rho": NonNegative()},
    ),
}


class Learnt(NamedTuple):
    """The result of a method on one split.

    test    percentage of test examples that w_T(λ) classifies correctly
    valid   the same for validation examples;  error: E_val
    C       (K, K) relations, or None if the method does not learn one for each pair
    rho     ρ, or (K,) one for each task
    path    (hyper_iterations + 1,) E_val at λ_0 …, or None if there are none
    """

    test: float
    valid: float
    error: float
    C: Array | None
    rho: Array
    path: Array | None


def learn(name: str, data: Split, setting: Setting) -> Learnt:
    """Minimise E_val(W_T) over the hyperparameters of a method, by REVERSE-HG and projected Adam.

    The result is that of the last λ. With the authors' protocol, it is that of the λ whose w_T
    classifies most validation examples correctly, trained again on them and the training examples.

    Cost     hyper_iterations times T steps forward and backward
    Source   Franceschi et al. 2017, section 5.2; start and rates: the authors' public code
    """
    if setting.authors and name == "SLT":
        found = single_tasks(data, setting)
        return Learnt(found.test, found.valid, found.error, None, found.rho, None)
    K, problem = data.classes, inner_problem(name, data, setting)

    def judge(k: int, lam: Array, g: hgref.Hypergradient) -> dict[str, float]:
        return {"validation accuracy": accuracy(data.valid, K, g.s_T)}

    rates = {"eta": setting.eta, "mu": setting.mu}
    sets: dict[str, Constraint] = {rate: Box(value, value) for rate, value in rates.items()}
    start = {name: np.full(shape, rates.get(name, 0.0))
             for name, shape in problem.layout.shapes.items()}  # fmt: skip
    run = minimize(
        problem,
        problem.pack(**start),
        hypergradient=cpu.reverse,
        outer=Adam(setting.outer_rate),
        project=Product(**sets, **METHODS[name].sets(setting, K)).project,
        iterations=setting.hyper_iterations,
        callback=judge if setting.authors else None,
    )
    lam = best(run) if setting.authors else run.last
    blocks, w = run.layout.split(lam), cpu.last_state(problem, lam)
    final = w
    if setting.authors:
        again = inner_problem(name, data._replace(train=data.joined), setting)
        final = cpu.last_state(again, lam)
    return Learnt(
        test=accuracy(data.test, K, final),
        valid=accuracy(data.valid, K, w),
        error=float(problem.error(setting.T, w, blocks)),
        C=blocks["C"] if np.ndim(blocks.get("C", 0.0)) == 2 else None,
        rho=blocks["l2"][:K] / 2 if "l2" in blocks else blocks["rho"],
        path=run.f,
    )


def inner_problem(name: str, data: Split, setting: Setting) -> hgref.Problem:
    """T steps of momentum on softmax regression with the method's penalty; E is the error E_val."""
    K, N = data.classes, data.train.X.shape[1]
    J = loss(data.train, K) + METHODS[name].penalty(K, N)
    return hgref.Problem(hgref.Momentum(J), loss(data.valid, K), setting.T)


def loss(part: Part, K: int) -> Softmax:
    return Softmax(part.X, part.y, K)


def accuracy(part: Part, K: int, s: Array) -> float:
    """Percentage of a part that the weights in the state s classify correctly."""
    J = loss(part, K)
    return 100 * float((J.predict(s[-J.p :]).argmax(axis=1) == part.y).mean())
