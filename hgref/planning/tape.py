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
    leaf         steps on the tape at one time
    steps        steps Φ, those run again included
    """

    options: dict[str, Any]
    checkpoints: int
    states: int
    leaf: int
    steps: int


class Tape(NamedTuple):
    """Bytes of a way back over T steps.

    state, step  of one state, and of one step on the tape
    once         of what does not grow with the number of states and steps
    most         states that are recomputed from the tape at one time
    least        peak before the run starts
    kept         part of `step` that holds predictions
    """

    T: int
    state: int
    step: int
    once: int
    most: int
    least: int = 0
    kept: int = 0

    # --- bytes ---

    def bytes(self, states: int, leaf: int) -> int:
        return max(self.once + states * self.state + leaf * self.step, self.least)

    def every_bytes(self, k: int) -> int:
        return self.bytes(*self.held(math.ceil(self.T / k), k))

    def slots_bytes(self, s: int) -> int:
        leaf = leaf_of(self.T, s)
        return self.bytes(*self.held(min(s + 1, math.ceil(self.T / leaf)), leaf))

    def held(self, checkpoints: int, leaf: int) -> tuple[int, int]:
        """(states, leaf): each stretch of a leaf has its first state, one of them has all."""
        return checkpoints + math.ceil(leaf / self.most) + min(leaf, self.most), leaf

    def items(self, made: Schedule) -> Items:
        return {
            f"the tape of {made.leaf} steps": made.leaf * self.step,
            f"{made.states} states": made.states * self.state,
            "data as compiled loops want them, and scratch": self.once,
        }

    # --- schedules ---

    def schedules(self, limit: int) -> Iterator[Schedule]:
        """All steps on the tape; else the largest distance that fits; else the most slots."""
        T = self.T
        yield Schedule({}, 1, *self.held(1, T), T)
        k = self.distance(limit)
        if k == T:
            return  # that is `reverse`
        leaves = math.ceil(T / k)
        yield Schedule({"every": k}, leaves, *self.held(leaves, k), T + k * (leaves - 1))
        if self.every_bytes(k) > limit:
            s = largest(self.slots_bytes, 1, T, limit) or 1
            leaf = leaf_of(T, s)
            held = self.held(min(s + 1, math.ceil(T / leaf)), leaf)
            yield Schedule({"slots": s}, s, *held, steps_in_leaves(T, s))

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
