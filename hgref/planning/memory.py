"""How many bytes hgref.fast.cpu allocates at its peak, beside the problem itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from hgref.hypergradient.treeverse import leaf_of
from hgref.planning.passes import MANY, Panel, Threads, bytes_of, scratch
from hgref.planning.sizes import Data, Sizes

OBJECTS = 50_000  # bytes of all that is small, about
ONE_CALL = 250_000  # numbers of states in the stretches of hgref.fast.cpu
INDEX = 4  # bytes of an index into a sparse X

Items = dict[str, int]


class Memory:
    """Of the ways to a hypergradient, for a problem in numbers.

    sizes     the problem;  itemsize: bytes of a number in the products with the data
    threads   of the compiled passes
    """

    def __init__(self, sizes: Sizes, itemsize: int, threads: Threads):
        self.sizes, self.itemsize, self.threads = sizes, itemsize, threads

    # --- forwards ---

    def forward(self, m: int) -> Items:
        """Z (d, m), its columns u and what becomes of them; passes with them; dλ, the identity."""
        s = self.sizes
        columns = 8 * m * (2 * s.d + 2 * s.p + 1) + 8 * m * (s.all or m)
        return {
            f"{m} columns of Z, their tangents and passes":
                columns + self.scratch(Panel(1, m, 1), m),
            "data as compiled loops want them": self.data(m),
            "the state, the error": self.vectors(0) + self.error(),
        }  # fmt: skip

    # --- backwards ---

    def tape(self, recompute: bool) -> Tape:
        """What a way back is made of, as bytes of one state, of one step, and once."""
        s, kept = self.sizes, 0 if recompute else self.kept()
        once = self.data(1) + self.scratch(Panel(1, 0, 1), 1)
        once += self.scratch(Panel(int(recompute), 1, 0), 1) + (self.kept() - kept)
        once += self.vectors(1) + self.error()
        step, most = self.itemsize * s.p + kept, replayed(s.T, s.d) // s.d
        return Tape(s.T, 8 * s.d, step, once, most, self.lowering(1))

    def kept(self) -> int:
        """Bytes that a step's examples leave for the way back."""
        return self.itemsize * sum(one.B * one.kept for one in self.sizes.J)

    # --- both ---

    def data(self, k: int) -> int:
        """What is stored anew of the data: in another type or order, or twice over."""
        return self.sizes.batches + sum(copied(one, k, self.itemsize) for one in self.sizes.J)

    def lowering(self, k: int) -> int:
        """What is allocated while the data are brought into that form."""
        made = [copied(one, k, self.itemsize) for one in self.sizes.J]
        passing = [in_passing(one, k, self.itemsize) for one in self.sizes.J]
        return OBJECTS + sum(made) + max(passing, default=0)

    def scratch(self, panel: Panel, k: int) -> int:
        """Of one pass."""
        s, made = self.sizes, 0
        for one in s.J:
            _, shapes = scratch(one, one.form(k), panel, s.p, self.itemsize, self.threads)
            made += bytes_of(shapes, self.itemsize) + 8 * one.B
        if s.relations:
            made += self.itemsize * (panel.lead + panel.k) * s.p
        return made

    def vectors(self, columns: int) -> int:
        """Of weights, rates and penalties: the state and its adjoint, schedules, coefficients."""
        s = self.sizes
        shared = 1 if s.p < MANY else self.threads.number
        rates = s.T * s.rates * (2 + columns * shared)
        weights = (2 + columns) * s.d + 2 * columns * s.p + (2 + columns) * s.penalties * s.p
        matrix = s.p**2 if s.quadratic else 0
        examples = sum((1 + columns * one.weighted) * one.n for one in s.J)
        return OBJECTS + 8 * (rates + weights + matrix + examples + 3 * (s.all or s.m))

    def error(self) -> int:
        """E and its gradient, by the readable layer: h, h′ and a sum of each hidden unit, and three
        arrays as wide as the widest layer."""
        widths = [(one.B, one.widths[1:]) for one in self.sizes.E]
        return 8 * sum(B * (3 * sum(layers[:-1]) + 3 * max(layers)) for B, layers in widths)


def copied(one: Data, k: int, itemsize: int) -> int:
    """Bytes of a data loss that are stored anew."""
    targets, converted = itemsize * one.n * one.outputs, itemsize != one.itemsize
    form = one.form(k)
    if form == "sparse":  # by rows and by columns
        by_row = INDEX + itemsize * converted
        return targets + one.entries * (by_row + INDEX + itemsize)
    if form == "small":
        return targets + itemsize * one.n * (one.N + one.bias)
    return targets + itemsize * one.entries * (one.centred or converted)


def in_passing(one: Data, k: int, itemsize: int) -> int:
    """Bytes that are free again once a data loss is stored anew."""
    if one.form(k) == "sparse":
        return one.entries * (INDEX + one.itemsize * (itemsize != one.itemsize))
    stored = one.centred or one.form(k) == "small"
    return one.itemsize * one.entries * (stored and itemsize != one.itemsize)


class Tape(NamedTuple):
    """What a way back over T steps is made of: bytes of a state, of a step on the tape, and once.

    most  states that are computed again from the tape at one time
    less  bytes that there are in any case, before the run
    """

    T: int
    state: int
    step: int
    once: int
    most: int
    less: int = 0

    def states(self, checkpoints: int, leaf: int) -> int:
        """How many there are, with a leaf of steps gone back over at once, in stretches."""
        return checkpoints + math.ceil(leaf / self.most) + min(leaf, self.most)

    def bytes(self, checkpoints: int, leaf: int) -> int:
        """With so many states kept, and a leaf of steps on the tape."""
        states = self.states(checkpoints, leaf)
        return max(self.once + states * self.state + leaf * self.step, self.less)

    def items(self, checkpoints: int, leaf: int) -> Items:
        states = self.states(checkpoints, leaf)
        return {
            f"the tape of {leaf} steps": leaf * self.step,
            f"{states} states": states * self.state,
            "data as compiled loops want them, and scratch": self.once,
        }

    def every(self, k: int) -> tuple[int, int]:
        """(checkpoints, leaf) with checkpoints at distance k."""
        return math.ceil(self.T / k), k

    def slots(self, s: int) -> tuple[int, int]:
        """(checkpoints, leaf) with s of them, and the one in hand."""
        leaf = leaf_of(self.T, s)
        return min(s + 1, math.ceil(self.T / leaf)), leaf


def largest(bytes_of: Callable[[int], int], most: int, limit: int) -> int:
    """The largest k in 1 … most with bytes_of(k) <= limit, or 0."""
    return next((k for k in range(most, 0, -1) if bytes_of(k) <= limit), 0)


def replayed(T: int, d: int) -> int:
    """Numbers in the states of a stretch, which are computed again from the tape at one time."""
    return d * min(T, max(math.isqrt(T - 1) + 1, ONE_CALL // d))
