"""REVERSE-HG that stores few states and recomputes the rest of the run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

from hgref.arguments import Array, as_count
from hgref.hypergradient.reverse import multipliers
from hgref.hypergradient.tape import Back, taped
from hgref.hypergradient.treeverse import treeverse
from hgref.problem import Hypergradient, Problem
from hgref.run import Run


def checkpointed(
    problem: Problem, lam: Any, every: int | None = None, slots: int | None = None
) -> Hypergradient:
    """`reverse`, bit for bit, storing few states and recomputing those between.

        α_t = α_{t+1} A_{t+1},   ∇f(λ) = Σ_t α_t B_t                           eq. (8), (9), (10)

    lam      (m,) the point λ, or a mapping of names
    every    distance between checkpoints, 1 … T; default ⌈√T⌉, which needs the least memory
    slots    instead of `every`: the number of states, including s_0, that may be stored at any
             time, at least 1. They are reused on the way back, so that fewest steps are repeated
    returns  Hypergradient: f scalar, grad (m,), s_T (d,)
    Raises   ValueError for a bad λ, `every` or `slots`, or if both are given; Diverged
    Cost     T vjps, and with
             every  fewer than 2T steps; memory T/every states and `every` linearised steps
             slots  r T - C(slots+r, slots+1) steps, r the least with C(slots+r, slots) >= T, and
                    the T that are linearised; memory (slots + 4) d and one linearised step
             See `reverse` for the size of a linearised step
    Exact    to rounding, and equal to `reverse` to the last bit: the same steps are run again
    Beware   J must give the same gradient at the same (t, w, λ) twice: no hidden randomness
    Source   Franceschi et al. 2017, Algorithm 1, on a recomputed trajectory; with slots, the
             schedule of Griewank and Walther 2000, revolve

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> g = hgref.checkpointed(problem, problem.pack(eta=0.1), slots=3)
        >>> bool(g["eta"] == hgref.reverse(problem, problem.pack(eta=0.1))["eta"])
        True
    """
    leaf, slots = leaf_and_slots(every, slots, problem.T)
    run = problem.at(lam)
    return multipliers(run, *with_end(recomputed(run, leaf, slots)))


def with_end(back: Back) -> tuple[Array, Back]:
    """s_T, and the whole way back, the value of whose first step it is."""
    T, step = next(back)
    return step.value, itertools.chain(iter([(T, step)]), back)


def leaf_and_slots(
    every: Any, slots: Any, T: int, leaf_of: Callable[[int, int], int] = lambda T, slots: 1
) -> tuple[int, int]:
    """(number of steps processed at once, how many of the states before them are stored)."""
    if slots is None:
        default = math.isqrt(T - 1) + 1
        return as_count("every", default if every is None else every, 1, T), T
    if every is not None:
        raise ValueError(f"every, slots: expected one of them, found {every} and {slots}")
    slots = as_count("slots", slots, 1)
    return leaf_of(T, slots), slots


def recomputed(run: Run, leaf: int, slots: int, whole: bool | None = None) -> Back:
    """(t, step t linearised) for t = T … 1, each leaf from the state at its start."""

    def advance(first: int, last: int, s: Array) -> Array:
        for t in range((first - 1) * leaf + 1, last * leaf + 1):
            s = run.step(t, s)
        return s

    leaves = -(-run.T // leaf)
    for j, s in treeverse(advance, run.start(), leaves, slots):
        before, last = (j - 1) * leaf, min(j * leaf, run.T)
        yield from taped(run, s, before + 1, last, last - before, whole)[1]
