"""REVERSE-HG on the GPU, with most of the run forgotten and computed again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hgref.arguments import as_count
from hgref.fast.cuda.recorded import Recorded, backwards
from hgref.problem import Hypergradient, Problem


def checkpointed(
    problem: Problem, lam: Any, every: int | None = None, *, dtype: Any = np.float64
) -> Hypergradient:
    """`hgref.checkpointed` on the GPU: `reverse` that keeps one state in `every`.

    every    distance of the states that are kept, 1 … T; default ⌈√T⌉, which needs least
    dtype    of the products with the data: float64 or float32; the rest is float64 either way
    others, returns, Raises, Beware   see `reverse`
    Cost     fewer than 2T steps and T products; memory of the device O(every (p + B outputs))
    Exact    equal to hgref.checkpointed to 1e-10
    Source   Franceschi et al. 2017, Algorithm 1, on a recomputed trajectory
    """
    every = math.isqrt(problem.T - 1) + 1 if every is None else every
    every = as_count("every", every, 1, problem.T)
    return backwards(Recorded(problem, lam, dtype, every))
