"""REVERSE-HG on the GPU that keeps few states and recomputes the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.fast.cuda.recorded import Recorded, backwards
from hgref.hypergradient.checkpointed import leaf_and_slots
from hgref.hypergradient.treeverse import leaf_of
from hgref.problem import Hypergradient, Problem


def checkpointed(
    problem: Problem,
    lam: Any,
    every: int | None = None,
    slots: int | None = None,
    *,
    dtype: Any = np.float64,
) -> Hypergradient:
    """`hgref.checkpointed` on the GPU: `reverse` that keeps few states.

    every    distance of the states that are kept, 1 … T; default ⌈√T⌉, which needs the least memory
    slots    instead: the most states that are kept at any time, on the host, at least 1; the
             device has L = ⌈T/⌈T/slots⌉⌉ <= slots steps on its tape at a time
    dtype    of the products with the data: float64 or float32; the rest is float64 either way
    others, returns, Raises, Beware   see `reverse`
    Cost     with every, fewer than 2T steps; with slots, those of hgref.fast.cpu.checkpointed;
             T products; memory of the device O(every (p + B outputs)), with L in place of every
    Exact    equal to hgref.checkpointed to 1e-10
    Source   Franceschi et al. 2017, Algorithm 1, on a recomputed trajectory; with slots that of
             Griewank and Walther 2000, revolve
    """
    leaf, slots = leaf_and_slots(every, slots, problem.T, leaf_of)
    return backwards(Recorded(problem, lam, dtype, leaf), slots)
