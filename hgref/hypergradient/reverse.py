"""REVERSE-HG: the multipliers α_t go back through the linearised steps of the training run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array
from hgref.at import At
from hgref.hypergradient.tape import taped
from hgref.layout import Blocks
from hgref.problem import Hypergradient, Problem
from hgref.run import Run


def reverse(problem: Problem, lam: Any, *, trace: bool = False, alpha: Any = None) -> Hypergradient:
    """∇f(λ) by back-propagation through the stored training run: Algorithm 1.

        α_T = ∇E(s_T)                                                          eq. (9)
        α_t = α_{t+1} A_{t+1},   t = T-1 … 1                                   eq. (8)
        ∇f(λ) = Σ_t α_t B_t  (+ ∂E/∂λ where E depends on λ directly)           eq. (10)

    the stationarity conditions of the Lagrangian with multipliers α_t         eq. (6)

    lam      (m,) the point λ, or a mapping of names
    trace    True: also all α_t: row t of `.trace` (T+1, d), where α_0 = α_1 A_1
    alpha    (d,) the multiplier α_T of a run that goes on after T, in place of ∇E(s_T): windows
             of a long run give, chained, the gradient of the whole
    returns  Hypergradient: f scalar, grad (m,), s_T (d,), trace or None
    Raises   ValueError for a bad λ, Diverged if s_t or α_t is not finite
    Cost     T steps and T vjps, independent of m. Memory: T (d + p + kept) numbers, where `kept` is
             what J stores for its products (n outputs for a linear model), if they are at most
             2^27; otherwise T d, and each step is computed again on the way back
    Exact    to rounding: agrees with `forward` and the complex step to 1e-12
    Beware   A_t and B_t are taken at s_{t-1}. If memory is short, use `checkpointed`
    Source   Franceschi et al. 2017, section 3.1, Algorithm 1

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> g = hgref.reverse(problem, problem.pack(eta=0.1))
        >>> g.f.round(4).tolist(), g.grad.round(4).tolist(), g["eta"].round(4).tolist()
        (-2.1961, [-6.7543], -6.7543)
    """
    last = None if alpha is None else as_array("alpha", alpha, (problem.d,))
    return reversed_run(problem.at(lam), trace, last)


def reversed_run(run: Run, trace: bool = False, alpha: Array | None = None) -> Hypergradient:
    """`reverse` of a run at its λ."""
    alphas = np.zeros((run.T + 1, run.problem.d)) if trace else None
    return multipliers(run, *taped(run, run.start(), 1, run.T, run.T), alphas=alphas, last=alpha)


def multipliers(
    run: Run,
    s_T: Array,
    back: Iterable[tuple[int, At]],
    T: int | None = None,
    alphas: Array | None = None,
    last: Array | None = None,
) -> Hypergradient:
    """(8)-(10) along the linearised steps t = T, T-1, …, down to 1 or to the end of `back`.

    alphas   (T+1, d), filled if given;  last: α_T, in place of ∇E(s_T)
    """
    T = run.T if T is None else T
    f = run.error(T, s_T)
    alpha, direct = run.error_grad(T, s_T) if last is None else (last, {})
    grad = run.layout.zeros(like=alpha)
    add(grad, direct)
    for t, step in back:
        if alphas is not None:
            alphas[t] = alpha
        alpha, share = run.vjp(t, step, alpha)
        add(grad, share)
        del step  # frees its memory before the next one is made
    if t == 1:
        add(grad, run.start_vjp(alpha))
    if alphas is not None:
        alphas[0] = alpha
    run.require_finite("∇f", 0, grad)
    return Hypergradient(f, run.layout.flatten(grad), s_T, run.layout, trace=alphas)


def add(grad: Blocks, share: Blocks) -> None:
    for name, block in share.items():
        grad[name] += block
