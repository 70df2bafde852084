"""REVERSE-HG: the multipliers α_t travel backwards along the stored training run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.layout import Blocks, Layout
from hgref.problem import Hypergradient, Problem


def reverse(problem: Problem, lam: Any) -> Hypergradient:
    """∇f(λ) by back-propagation through the stored training run: Algorithm 1.

        α_T = ∇E(s_T)                                                          eq. (9)
        α_t = α_{t+1} A_{t+1},   t = T-1 … 1                                   eq. (8)
        ∇f(λ) = Σ_t α_t B_t  (+ ∂E/∂λ where E depends on λ directly)           eq. (10)

    the stationarity conditions of the Lagrangian with multipliers α_t         eq. (6)

    lam      (m,) the point λ, or a mapping of names
    returns  Hypergradient: f scalar, grad (m,), s_T (d,)
    Raises   ValueError for a bad λ, Diverged where s_t or α_t leaves the finite numbers
    Cost     T steps and T vjps, independent of m; memory O(T d)
    Exact    to rounding: agrees with `forward` and the complex step to 1e-12
    Beware   A_t and B_t are taken at s_{t-1}; too little memory? see `checkpointed`
    Source   Franceschi et al. 2017, section 3.1, Algorithm 1
    """
    lam, layout = problem.point(lam)
    states = list(problem.states(lam))
    back = ((t, states[t - 1]) for t in range(problem.T, 0, -1))
    return multipliers(problem, lam, layout, states[-1], back)


def multipliers(
    problem: Problem,
    lam: Blocks,
    layout: Layout,
    s_T: Array,
    back: Iterable[tuple[int, Array]],
) -> Hypergradient:
    """(8)-(10) along (t, s_{t-1}) for t = T, T-1, …, down to 1 or wherever `back` ends."""
    f = problem.error(problem.T, s_T, lam)
    alpha, direct = problem.error_grad(problem.T, s_T, lam)
    grad = layout.zeros(like=alpha)
    add(grad, direct)
    for t, s in back:
        alpha, share = cotangent_step(problem, t, s, alpha, lam)
        add(grad, share)
    if t == 1:
        add(grad, problem.start_vjp(alpha))
    problem.require_finite("∇f", 0, grad)
    return Hypergradient(f, layout.flatten(grad), s_T, layout)


def cotangent_step(
    problem: Problem, t: int, s: Array, alpha: Array, lam: Blocks
) -> tuple[Array, Blocks]:
    """(α_{t-1}, α_t B_t) from α_t, at s = s_{t-1}."""
    with np.errstate(all="ignore"):
        alpha, share = problem.dynamics.vjp(t, s, lam, alpha)
    blocks = zip(problem.dynamics.state, problem.dynamics.split(alpha), strict=True)
    problem.require_finite("alpha, going backwards,", t - 1, dict(blocks))
    return alpha, share


def add(grad: Blocks, share: Blocks) -> None:
    for name, block in share.items():
        grad[name] += block
