"""REVERSE-HG with most of the run forgotten and computed again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

from hgref.arguments import Array, as_count
from hgref.hypergradient.reverse import multipliers
from hgref.hypergradient.treeverse import treeverse
from hgref.layout import Blocks
from hgref.problem import Hypergradient, Problem


def checkpointed(
    problem: Problem, lam: Any, every: int | None = None, slots: int | None = None
) -> Hypergradient:
    """`reverse`, bit for bit, keeping few states and recomputing those between.

        α_t = α_{t+1} A_{t+1},   ∇f(λ) = Σ_t α_t B_t                           eq. (8), (9), (10)

    lam      (m,) the point λ, or a mapping of names
    every    distance of the checkpoints, 1 … T; default ⌈√T⌉, of which memory is least
    slots    instead: the number of states, s_0 among them, that are kept at any time, at least 1.
             Checkpoints move as the way back frees them, so that the fewest steps are run again
    returns  Hypergradient: f scalar, grad (m,), s_T (d,)
    Raises   ValueError for a bad λ, `every` or `slots`, and for both of them; Diverged
    Cost     T vjps, and with
             every  fewer than 2T steps; memory O((T/every + every) d)
             slots  r T - C(slots+r, slots+1) + 1 steps, r the least with C(slots+r, slots) >= T;
                    memory (slots + 4) d: s_T, and those between which a step is taken
    Exact    to rounding, and equal to `reverse` to the last bit: the same steps are run again
    Beware   J must give the same gradient at the same (t, w, λ) twice: no hidden randomness
    Source   Franceschi et al. 2017, Algorithm 1, on a recomputed trajectory; with slots that of
             Griewank and Walther 2000, revolve
    """
    leaf, slots = leaf_and_slots(every, slots, problem.T)
    lam, layout = problem.point(lam)
    s_T, back = with_end(problem, lam, recomputed(problem, lam, leaf, slots))
    return multipliers(problem, lam, layout, s_T, back)


def leaf_and_slots(
    every: Any, slots: Any, T: int, leaf_of: Callable[[int, int], int] = lambda T, slots: 1
) -> tuple[int, int]:
    """(steps that are gone back over at once, how many of the states before them are kept)."""
    if slots is None:
        default = math.isqrt(T - 1) + 1
        return as_count("every", default if every is None else every, 1, T), T
    if every is not None:
        raise ValueError(f"every, slots: expected one of them, found {every} and {slots}")
    slots = as_count("slots", slots, 1)
    return leaf_of(T, slots), slots


def recomputed(problem: Problem, lam: Blocks, leaf: int, slots: int) -> Iterator[tuple[int, Array]]:
    """(t, s_{t-1}) for t = T … 1, each leaf's states from that at its start, and that again."""

    def run(first: int, last: int, s: Array) -> Array:
        for t in range((first - 1) * leaf + 1, last * leaf + 1):
            s = problem.step(t, s, lam)
        return s

    leaves = -(-problem.T // leaf)
    for j, s in treeverse(run, problem.start(lam), leaves, slots):
        before, states = (j - 1) * leaf, [s]
        for t in range(before + 1, min(before + leaf, problem.T)):
            states.append(problem.step(t, states[-1], lam))
        while states:
            yield before + len(states), states.pop()


def with_end(
    problem: Problem, lam: Blocks, back: Iterator[tuple[int, Array]]
) -> tuple[Array, Iterator[tuple[int, Array]]]:
    """s_T, and `back`, of which no more than the first has been taken."""
    T, s = next(back)
    once = iter([(T, s)])  # an iterator lets go of what it has given, a list would keep it
    return problem.step(T, s, lam), itertools.chain(once, back)
