"""REVERSE-HG that keeps few states and recomputes the others, fast."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.fast.cpu import blas
from hgref.fast.cpu.recorded import Recorded
from hgref.hypergradient.checkpointed import leaf_and_slots
from hgref.hypergradient.treeverse import leaf_of, treeverse
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
    run = Recorded(problem, lam, dtype, recompute, leaf)
    leaves = -(-problem.T // leaf)

    def over(first: int, last: int, s: Array) -> Array:
        s = s.copy()
        run.forget(s, (first - 1) * leaf + 1, last * leaf)
        return s

    for j, s in treeverse(over, run.start(), leaves, slots):
        made = run.record(s, (j - 1) * leaf + 1, min(j * leaf, problem.T))
        if j == leaves:
            run.end(s, made)
        else:
            run.go_back(made)
    return run.hypergradient()
