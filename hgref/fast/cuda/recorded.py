"""A training run on the device and the way back over it; shared by the reverse modes.

A step keeps only g_t and its predictions; the states are recomputed from g_t.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array
from hgref.fast.cuda.at_lam import no_sums, shares
from hgref.fast.cuda.device import device_array, free_bytes, on_device, on_host
from hgref.fast.cuda.on_device import SPARE, OnDevice, require_room
from hgref.fast.cuda.recursion import FINE
from hgref.hypergradient.treeverse import treeverse
from hgref.layout import Blocks
from hgref.problem import Hypergradient, Problem

STATES = 2**28  # bytes of states that are recomputed at one time; more if √T states take more


class Stretch(NamedTuple):
    """Steps first … last, whose states are in memory at one time, and the state before them."""

    first: int
    last: int
    s: Array


class Recorded(OnDevice):
    """A run at a point λ, and the way back over it.

    every  steps on the tape at one time; None: as many as fit in memory
    """

    def __init__(self, problem: Problem, lam: Any, dtype: Any, every: int | None):
        super().__init__(problem.at(lam), dtype)
        p, d, T = problem.p, problem.d, problem.T
        # steps of a launch: √T need the fewest states, more wait less for Python
        self.length = min(T, max(math.isqrt(T - 1) + 1, STATES // (8 * d)))
        self.states = device_array((self.length + 1, d // p, p), np.float64)
        self.ahead = self.workspace(1, 0, 1)
        self.behind = self.workspace(0, 1, 0)
        step = (p + self.low.kept) * self.real.itemsize
        self.every = most_steps(T, step) if every is None else every
        require_room(f"a tape of {self.every} steps", self.every * step)
        self.tape = device_array((self.every, p), self.real)
        self.kept = device_array(self.every * self.low.kept, self.real)
        self.u = device_array((2, 1, p), np.float64)

    # --- forwards ---

    def forget(self, s: Array, first: int, last: int) -> Array:
        """s_last from s = s_{first-1}, keeping nothing."""
        return self.advance(s, first, last, self.tape[:1], self.kept[: self.low.kept])

    def record(self, s: Array, first: int, last: int) -> tuple[Array, list[Stretch]]:
        """s_last from s = s_{first-1}, filling the tape from its beginning."""
        made = []
        for a in range(first, last + 1, self.length):
            b = min(a + self.length - 1, last)
            made.append(Stretch(a, b, s))
            s = self.advance(s, a, b, *self.on_tape(a - first, b - first + 1))
        return s, made

    def on_tape(self, a: int, b: int) -> tuple[Any, Any]:
        return self.tape[a:b], self.kept[a * self.low.kept : b * self.low.kept]

    def advance(self, s: Array, first: int, last: int, tape: Any, kept: Any) -> Array:
        pair = np.zeros((2, *s.shape))
        pair[(first - 1) % 2] = s
        both = on_device(pair)
        about = self.J, self.lam, self.opt, self.ahead
        found, t = self.launch(
            self.kernels.run, *about, both, first, last, tape, kept, self.low.kept
        )
        end = both.copy_to_host()[(t if found != FINE else last) % 2].copy()  # frees the other
        if found != FINE:
            self.at.require_state("the training run", t, end.reshape(-1))
        return end

    # --- backwards ---

    def end(self, s: Array, made: list[Stretch]) -> None:
        """f, α_T = ∇E(s_T) (9), then back over the stretches that end in s_T."""
        T = self.problem.T
        self.s_T = s.reshape(-1).copy()
        self.f = self.at.error(T, self.s_T)
        row, self.direct = self.at.error_grad(T, self.s_T)
        self.sums = on_device(no_sums(self.low, self.opt, self.lam))
        self.alpha = on_device(np.array(row, float).reshape(s.shape))
        self.go_back(made)

    def go_back(self, made: list[Stretch]) -> None:
        """α ← α_{first-1} by (8); add the terms of (10) to the sums."""
        about = self.J, self.lam, self.opt, self.behind
        for first, last, s in reversed(made):
            self.states[:1].copy_to_device(np.ascontiguousarray(s)[None])
            tape = self.on_tape(first - made[0].first, last - made[0].first + 1)
            found, t = self.launch(
                self.kernels.back, *about, self.states, first, last, *tape, self.low.kept,
                self.alpha, self.u, *self.sums,
            )  # fmt: skip
            if found != FINE:
                alpha = self.alpha.copy_to_host()
                self.at.require_state("alpha, going backwards,", t - 1, alpha.reshape(-1))
        self.reached = made[0].first

    def hypergradient(self) -> Hypergradient:
        """∇f(λ) from the sums."""
        layout, sums = self.at.layout, on_host(self.sums)
        grad = layout.zeros(like=sums.numbers)
        for share in (*self.others(), *shares(self.low, self.at.lam, sums)):
            for name, block in share.items():
                grad[name] += block
        self.at.require_finite("∇f", 0, grad)
        return Hypergradient(self.f, layout.flatten(grad), self.s_T, layout)

    def others(self) -> Iterator[Blocks]:
        """∂E/∂λ, and the part of the gradient that passes through s_0."""
        yield self.direct
        if self.reached == 1:
            yield self.at.start_vjp(self.alpha.copy_to_host().reshape(-1))


def most_steps(T: int, step: int) -> int:
    """The most steps, T or fewer, of `step` bytes each, that fit with room to spare."""
    return max(1, min(T, int(SPARE**2 * free_bytes()) // step))


def backwards(run: Recorded, slots: int) -> Hypergradient:
    """Forwards and back: `run.every` steps on the tape at a time, at most `slots` states kept."""
    T, leaf = run.problem.T, run.every
    leaves = -(-T // leaf)

    def over(first: int, last: int, s: Array) -> Array:
        return run.forget(s, (first - 1) * leaf + 1, last * leaf)

    for j, s in treeverse(over, run.start(), leaves, slots):
        end, made = run.record(s, (j - 1) * leaf + 1, min(j * leaf, T))
        if j == leaves:
            run.end(end, made)
        else:
            run.go_back(made)
    return run.hypergradient()
