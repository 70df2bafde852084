"""REVERSE-HG on the GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.fast.cuda.recorded import Recorded, backwards
from hgref.problem import Hypergradient, Problem


def reverse(problem: Problem, lam: Any, *, dtype: Any = np.float64) -> Hypergradient:
    """`hgref.reverse` on the GPU; from checkpoints if its memory is too small for the run.

        α_T = ∇E(s_T),   α_t = α_{t+1} A_{t+1},   ∇f(λ) = Σ_t α_t B_t          eq. (8), (9), (10)

    lam      (m,) the point λ, or a mapping of names
    dtype    of the products with the data: float64 or float32; the rest is float64 either way
    returns  Hypergradient: f scalar, grad (m,), s_T (d,), all float64
    Raises   as hgref.reverse; TypeError for a problem that has no kernel; MemoryError, with the
             bytes, if not even one step fits
    Cost     T steps and T products; memory of the device O(T (p + B outputs)), or all of it
    Exact    float64: equal to hgref.reverse to 1e-10, since a GPU rounds once where a processor
             rounds twice; float32: about 1e-5
    Beware   the first call of a process compiles for seconds; small problems are faster on a CPU
    Source   Franceschi et al. 2017, section 3.1, Algorithm 1
    """
    return backwards(Recorded(problem, lam, dtype, None), problem.T)
