"""REVERSE-HG stopped after K steps, fast."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.arguments import as_count
from hgref.fast.cpu import blas
from hgref.fast.cpu.recorded import Recorded
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
    Cost     T steps and K products; memory O(K p)
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
    run = Recorded(problem, lam, dtype, recompute, K)
    s = run.start()
    run.forget(s, 1, problem.T - K)
    run.end(s, run.record(s, problem.T - K + 1, problem.T))
    return run.hypergradient()
