"""REVERSE-HG, fast."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.fast.cpu import blas
from hgref.fast.cpu.recorded import Recorded
from hgref.problem import Hypergradient, Problem


@blas.alone
def reverse(
    problem: Problem, lam: Any, *, dtype: Any = np.float64, recompute: bool | None = None
) -> Hypergradient:
    """`hgref.reverse`, fast.

        α_T = ∇E(s_T),   α_t = α_{t+1} A_{t+1},   ∇f(λ) = Σ_t α_t B_t          eq. (8), (9), (10)

    lam        (m,) the point λ, or a mapping of names
    dtype      of the products with the data: float64 or float32; the rest is float64 either way
    recompute  True: each example's predictions are computed again on the way back (a tenth to a
               half more time); False: kept; default: kept where they take up to a GiB
    returns    Hypergradient: f scalar, grad (m,), s_T (d,), all float64
    Raises     as hgref.reverse; TypeError, with a sentence, for what cannot be compiled
    Cost       T steps and T products; memory O(T p) whatever the dynamics, since only g_t is kept,
               and O(T B outputs) for the predictions
    Exact      float64: to rounding, equal to hgref.reverse to 1e-11; float32: some 1e-6
    Beware     the first call compiles, seconds; later processes find that on disk. The same number
               of threads (numba.set_num_threads) gives the same bits
    Source     Franceschi et al. 2017, section 3.1, Algorithm 1
    """
    run = Recorded(problem, lam, dtype, recompute, problem.T)
    s = run.start()
    run.end(s, run.record(s, 1, problem.T))
    return run.hypergradient()
