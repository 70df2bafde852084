"""REVERSE-HG with most of the run forgotten and computed again, fast."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hgref.arguments import as_count
from hgref.fast.cpu import blas
from hgref.fast.cpu.recorded import Recorded
from hgref.problem import Hypergradient, Problem


@blas.alone
def checkpointed(
    problem: Problem,
    lam: Any,
    every: int | None = None,
    *,
    dtype: Any = np.float64,
    recompute: bool | None = None,
) -> Hypergradient:
    """`hgref.checkpointed`, fast: `reverse` that keeps one state in `every`.

        α_t = α_{t+1} A_{t+1},   ∇f(λ) = Σ_t α_t B_t                           eq. (8), (9), (10)

    every    distance of the checkpoints, 1 … T; default ⌈√T⌉, which needs the least memory
    others, returns, Raises, Beware   see `reverse`
    Cost     fewer than 2T steps and T products; memory O((T/every) d + every p)
    Exact    equal to hgref.checkpointed to 1e-11
    Source   Franceschi et al. 2017, Algorithm 1, on a recomputed trajectory
    """
    every = math.isqrt(problem.T - 1) + 1 if every is None else every
    every = as_count("every", every, 1, problem.T)
    run = Recorded(problem, lam, dtype, recompute, every)
    s, kept = run.start(), []
    for first in range(1, problem.T + 1, every):
        kept.append((first, s.copy()))
        last = min(first + every - 1, problem.T)
        if last < problem.T:
            run.forget(s, first, last)
        else:
            run.end(s, run.record(s, first, last))
    for first, s in reversed(kept[:-1]):
        run.go_back(run.record(s, first, first + every - 1))
    return run.hypergradient()
