"""REVERSE-HG with most of the run forgotten and computed again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from hgref.arguments import Array, as_count
from hgref.hypergradient.reverse import multipliers
from hgref.layout import Blocks
from hgref.problem import Hypergradient, Problem


def checkpointed(problem: Problem, lam: Any, every: int | None = None) -> Hypergradient:
    """`reverse`, bit for bit, keeping one state in `every` and recomputing those between.

        α_t = α_{t+1} A_{t+1},   ∇f(λ) = Σ_t α_t B_t                           eq. (8), (9), (10)

    lam      (m,) the point λ, or a mapping of names
    every    distance of the checkpoints, 1 … T; default ⌈√T⌉, which needs the least memory
    returns  Hypergradient: f scalar, grad (m,), s_T (d,)
    Raises   ValueError for a bad λ or `every`, Diverged
    Cost     fewer than 2T steps and T vjps; memory O((T/every + every) d)
    Exact    to rounding, and equal to `reverse` to the last bit: the same steps are run again
    Beware   J must give the same gradient at the same (t, w, λ) twice: no hidden randomness
    Source   Franceschi et al. 2017, Algorithm 1, on a recomputed trajectory
    """
    if every is None:
        every = math.isqrt(problem.T - 1) + 1
    every = as_count("every", every, 1, problem.T)
    lam, layout = problem.point(lam)
    kept = {}
    for t, s in enumerate(problem.states(lam)):
        if t % every == 0:
            kept[t] = s
    return multipliers(problem, lam, layout, s, recomputed(problem, lam, kept, every))


def recomputed(
    problem: Problem, lam: Blocks, kept: dict[int, Array], every: int
) -> Iterator[tuple[int, Array]]:
    """(t, s_{t-1}) for t = T … 1, each stretch between checkpoints run once more."""
    for first in range((problem.T - 1) // every * every, -1, -every):
        stretch = [kept[first]]
        for t in range(first + 1, min(first + every, problem.T)):
            stretch.append(problem.step(t, stretch[-1], lam))
        while stretch:
            yield first + len(stretch), stretch.pop()
