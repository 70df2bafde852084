"""The binomial checkpointing schedule: few states stored, and the fewest steps repeated."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from hgref.arguments import Array

Run = Callable[[int, int, Array], Array]


def treeverse(run: Run, s: Array, T: int, slots: int) -> Iterator[tuple[int, Array]]:
    """(t, s_{t-1}) for t = T … 1, by `fewest_steps(T, slots)` steps.

    run     run(first, last, s) is s_last from s = s_{first-1}
    s       s_0
    slots   number of states stored at any time, including s_0, at least 1; the current state is
            not counted
    Source  Griewank and Walther 2000, Algorithm 799: revolve; treeverse in Griewank 1992
    """
    kept = [(0, s)]
    for t in range(T, 0, -1):
        at, s = kept[-1]
        while at < t - 1:
            free = slots - len(kept)
            last = at + split(t - at, 1 + free)
            at, s = last, run(at + 1, last, s)
            if free and at < t - 1:
                kept.append((at, s))
        if kept[-1][0] == t - 1:
            kept.pop()
        yield t, s


def split(T: int, slots: int) -> int:
    """A k that attains F(T, n) = min_k [k + F(k, n) + F(T-k, n-1)]; T - 1 for n = 1.

    With it k <= C(n+r-1, n) and T - k <= C(n+r-1, n-1), for r = repetitions(T, n).
    """
    r = repetitions(T, slots)
    return min(math.comb(slots + r - 1, slots), T - math.comb(slots + r - 2, slots - 1))


def fewest_steps(T: int, slots: int) -> int:
    """F(T, n) = r T - C(n+r, n+1): steps needed to visit s_{t-1} for t = T … 1 with n slots.

    F(1, n) = 0, F(T, 1) = T(T-1)/2, F(T, n) = min_k [k + F(k, n) + F(T-k, n-1)]
    """
    r = repetitions(T, slots)
    return r * T - math.comb(slots + r, slots + 1)


def repetitions(T: int, slots: int) -> int:
    """The least r with C(slots+r, slots) >= T: no step is run more often."""
    if slots == 1:
        return T - 1
    r = 0
    while math.comb(slots + r, slots) < T:
        r += 1
    return r


def leaf_of(T: int, slots: int) -> int:
    """L, the number of steps in a leaf, which are processed at once: about as many as slots.

    ⌈T/slots⌉ leaves are as short as possible; ⌈√T⌉ slots have room for one state of each.
    """
    return -(-T // -(-T // slots))


def steps_in_leaves(T: int, slots: int) -> int:
    """Steps of a run in leaves: T onto the tape, and those that recompute the state before each."""
    leaf = leaf_of(T, slots)
    return T + leaf * fewest_steps(-(-T // leaf), slots)
