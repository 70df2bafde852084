"""REVERSE-HG that keeps few states and recomputes the others, fast."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.fast.cpu import blas
from hgref.fast.cpu.stretches import Fast
from hgref.hypergradient.checkpointed import leaf_and_slots, recomputed, with_end
from hgref.hypergradient.reverse import multipliers
from hgref.hypergradient.treeverse import leaf_of
from hgref.problem import Hypergradient, Problem


@blas.alone
def checkpointed(
    problem: Problem,
    lam: Any,
    every: int | None = None,
    slots: int | None = None,
    *,
    dtype: Any = np.float64,
    recompute: bool | None = None,
) -> Hypergradient:
    """`hgref.checkpointed`, fast: `reverse` that keeps few states.

        α_t = α_{t+1} A_{t+1},   ∇f(λ) = Σ_t α_t B_t                           eq. (8), (9), (10)

    every    distance of the checkpoints, 1 … T; default ⌈√T⌉, which needs the least memory
    slots    instead: the most states that are kept at any time, at least 1; the backward pass
             takes leaves of L steps, L = ⌈T/⌈T/slots⌉⌉ <= slots, with one leaf on the tape
    others, returns, Raises, Beware   see `reverse`
    Cost     T products, and with
             every  fewer than 2T steps; memory O((T/every) d + every p)
             slots  T + L F steps, F = r l - C(slots+r, slots+1), the fewest for l = ⌈T/L⌉ leaves,
                    r the least with C(slots+r, slots) >= l; memory O(slots (d + p))
    Exact    equal to hgref.checkpointed to 1e-11
    Source   Franceschi et al. 2017, Algorithm 1, on a recomputed trajectory; with slots that of
             Griewank and Walther 2000, revolve

    Example
        >>> from hgref.fast import cpu
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> g = cpu.checkpointed(problem, [0.1], slots=3)
        >>> np.allclose(g.grad, hgref.checkpointed(problem, [0.1], slots=3).grad)
        True
    """
    leaf, slots = leaf_and_slots(every, slots, problem.T, leaf_of)
    fast, T = Fast(problem, dtype), problem.T
    run = fast.run(problem.at(lam), *range(leaf, T, leaf), T)
    each = -(-leaf // fast.length)  # stretches of a leaf
    return multipliers(run, *with_end(recomputed(run, each, slots, fast.whole(leaf, recompute))))
