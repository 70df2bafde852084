"""Memory and steps of a way back over T steps, with and without checkpoints."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from hgref.hypergradient.treeverse import leaf_of, steps_in_leaves

Items = dict[str, int]
Bytes = Callable[[int], int]


class Schedule(NamedTuple):
    """How a run of T steps is gone back over.

    options      arguments of `checkpointed`; none: `reverse`
    checkpoints  states from which a part of the run is computed again
    states       that are kept at one time: checkpoints, and those of the leaf
    kept         steps that are kept linearised at one time
    steps        steps Φ, those run again included
    """

    options: dict[str, Any]
    checkpoints: int
    states: int
    kept: int
    steps: int


class Tape(NamedTuple):
    """Bytes of a way back over T steps.

    state, step  of one state, and of what else a linearised step keeps
    once         of what does not grow with the number of states and steps
    length       steps that are linearised as one map
    recompute    True: one such map at a time, from the states before them, which run twice
    least        peak before the run starts
    """

    T: int
    state: int
    step: int
    once: int
    length: int = 1
    recompute: bool = False
    least: int = 0

    # --- bytes ---

    def bytes(self, states: int, kept: int) -> int:
        return max(self.once + states * self.state + kept * self.step, self.least)

    def every_bytes(self, k: int) -> int:
        return self.bytes(*self.held(math.ceil(self.T / k), k))

    def slots_bytes(self, s: int) -> int:
        return self.bytes(*self.in_slots(s))

    def in_slots(self, s: int) -> tuple[int, int]:
        """`held` with s slots: one more state is on its way."""
        leaf = leaf_of(self.T, s)
        return self.held(min(s + 1, math.ceil(self.T / leaf)), leaf)

    def held(self, checkpoints: int, leaf: int) -> tuple[int, int]:
        """(states, linearised steps): those before each of these steps, one a checkpoint, and those
        from which the others are linearised later."""
        kept = min(leaf, self.length) if self.recompute else leaf
        return checkpoints - 1 + kept + math.ceil(leaf / kept) - 1, kept

    def items(self, made: Schedule) -> Items:
        return {
            f"the tape of {made.kept} steps": made.kept * self.step,
            f"{made.states} states": made.states * self.state,
            "data as compiled loops want them, and scratch": self.once,
        }

    # --- schedules ---

    def schedules(self, limit: int) -> Iterator[Schedule]:
        """All steps on the tape; else the largest distance that fits; else the most slots."""
        T = self.T
        twice = T * self.recompute
        yield Schedule({}, 1, *self.held(1, T), T + twice)
        k = self.distance(limit)
        if k == T:
            return  # that is `reverse`
        leaves = math.ceil(T / k)
        again = k * (leaves - 1) + twice
        yield Schedule({"every": k}, leaves, *self.held(leaves, k), T + again)
        if self.every_bytes(k) > limit:
            s = largest(self.slots_bytes, 1, T, limit) or 1
            yield Schedule({"slots": s}, s, *self.in_slots(s), steps_in_leaves(T, s) + twice)

    def distance(self, limit: int) -> int:
        """The largest k of `every=k` that fits, or the one with the least memory.

        Of all k with the same number c = ⌈T/k⌉ of checkpoints the least takes the least memory, and
        the others take more the larger they are. There are about 2 √T values of c.
        """
        T, root = self.T, math.isqrt(self.T)
        few = {math.ceil(T / c) for c in range(1, root + 2)}
        heads = sorted(few | set(range(1, root + 1)), reverse=True)
        k = next((k for k in heads if self.every_bytes(k) <= limit), None)
        if k is None:
            return min(heads, key=self.every_bytes)
        c = math.ceil(T / k)
        return largest(self.every_bytes, k, math.ceil(T / (c - 1)) - 1 if c > 1 else T, limit)


def largest(bytes_of: Bytes, low: int, high: int, limit: int) -> int:
    """The largest k in low … high with bytes_of(k) <= limit, or low - 1.

    Requires that each k below one that fits also fits.
    """
    return low - 1 + bisect_right(range(low, high + 1), limit, key=bytes_of)
