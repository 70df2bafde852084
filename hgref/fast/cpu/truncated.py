"""REVERSE-HG stopped after K steps, fast."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.arguments import as_count
from hgref.fast.cpu import blas
from hgref.fast.cpu.stretches import Fast
from hgref.hypergradient.reverse import multipliers
from hgref.hypergradient.tape import taped
from hgref.problem import Hypergradient, Problem


@blas.alone
def truncated(
    problem: Problem,
    lam: Any,
    K: int,
    *,
    dtype: Any = np.float64,
    recompute: bool | None = None,
) -> Hypergradient:
    """`hgref.truncated`, fast: the last K terms of REVERSE-HG's sum.

        Σ_{t = T-K+1 … T} α_t B_t  (+ ∂E/∂λ)                                   eq. (8), (9), (10)

    K        number of steps to go back, 1 … T
    others, returns, Raises, Beware   see `reverse`
    Cost     T steps and K products; memory that of hgref.truncated
    Exact    equal to hgref.truncated to 1e-11; equal to ∇f(λ) only for K = T
    Source   Franceschi et al. 2017, Algorithm 1, cut short

    Example
        >>> from hgref.fast import cpu
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> g = cpu.truncated(problem, [0.1], K=5)
        >>> np.allclose(g.grad, hgref.truncated(problem, [0.1], K=5).grad)
        True
    """
    K = as_count("K", K, 1, problem.T)
    fast, T = Fast(problem, dtype), problem.T
    run = fast.run(problem.at(lam), T - K, T)
    after = sum(end > T - K for end in run.ends)
    whole = fast.whole(K, recompute)
    return multipliers(run, *taped(run, run.start(), 1, run.T, after, whole))
