"""Bytes that hgref.fast.cpu allocates at its peak, beside the problem itself."""

from __future__ import annotations

import math

from hgref.fast.cpu import network, pool
from hgref.fast.cpu.linear import rows_of_block, rows_of_sparse_block
from hgref.fast.cpu.products import padded
from hgref.planning.sizes import Data, Sizes
from hgref.planning.tape import Items, Tape

OBJECTS, STEP_OBJECTS = 50_000, 2_500  # bytes of all small objects, and of those of a step, about
INDEX = 4  # bytes of an index into a sparse X


class Memory:
    """Memory of a problem in numbers, for passes with k tangents.

    sizes     the problem
    itemsize  bytes of a number in the products with the data
    """

    def __init__(self, sizes: Sizes, itemsize: int, k: int):
        self.sizes, self.itemsize, self.k = sizes, itemsize, k
        self.length = sizes.length(k)
        self.alone = self.length == 1  # each step is a call, and E is compiled too
        self.losses = (*sizes.J, *sizes.E) if self.alone else sizes.J

    def forward(self) -> Items:
        """Z (d, k), and dλ; on top of them Z and dg of the next step while they are made, one more
        step, or, after the last one, E."""
        s, k, step = self.sizes, self.k, self.step()
        numbers = min(self.length, s.T) * s.rates * (3 + 4 * k)
        together = k + self.alone  # w is a column beside the tangents
        moving = 8 * k * (s.d + 2 * s.p) + self.in_pass(together)
        columns = 8 * (k * (s.d + s.m) + numbers) + max(moving, step, self.error() - step)
        return {
            f"{k} columns of Z, their tangents and passes": columns + self.passes(together),
            "data as compiled loops want them": self.data(),
            "the state, a step": self.vectors(2) + step,
        }

    def tape(self, recompute: bool) -> Tape:
        """Bytes of one state, of one step on the tape, and of what is allocated once."""
        s = self.sizes
        once = self.data() + self.passes(1) + self.vectors(4) + self.itemsize * s.p
        once += max(self.in_pass(1), self.error())
        return Tape(s.T, 8 * s.d, self.step(), once, self.length, recompute, self.lowering())

    def step(self) -> int:
        """What a linearised step keeps beside its state."""
        s = self.sizes
        kept = sum(one.kept(self.itemsize) for one in s.J)
        return 8 * (s.p + 3 * s.rates) + kept + self.alone * (8 * s.p * s.penalties + STEP_OBJECTS)

    def data(self) -> int:
        """Copies of the data in another type or order."""
        return sum(copied(one, self.itemsize) for one in self.losses)

    def lowering(self) -> int:
        """The peak while these copies are made."""
        passing = [in_passing(one, self.itemsize) for one in self.losses]
        return OBJECTS + self.data() + max(passing, default=0)

    def passes(self, columns: int) -> int:
        """Scratch of the passes over the data of J."""
        return sum(scratch(one, columns, self.sizes.p, self.itemsize) for one in self.sizes.J)

    def in_pass(self, columns: int) -> int:
        """What is free again after a pass."""
        return max((in_pass(one, columns, self.itemsize) for one in self.sizes.J), default=0)

    def vectors(self, states: int) -> int:
        """So many states on their way; a number for each example and each of λ."""
        s = self.sizes
        examples = sum(one.n * (1 + one.weighted) for one in self.losses)
        matrix = s.p**2 if s.quadratic else 0
        return OBJECTS + 8 * (states * s.d + matrix + examples + 3 * (s.all or s.m))

    def error(self) -> int:
        """The readable layer's predictions for E, then a pass of the compiled one."""
        s, each = self.sizes, self.itemsize
        made = (one.kept(each) + scratch(one, 1, s.p, each) * self.alone for one in s.E)
        return max(sum(made), sum(24 * one.B * one.outputs for one in s.E))


def copied(one: Data, itemsize: int) -> int:
    """Bytes of the copies of a data loss."""
    if one.kind == "readable":
        return 0
    targets, converted = itemsize * one.n * one.outputs * (itemsize != 8), itemsize != one.itemsize
    if one.kind == "sparse":
        rows = INDEX * one.n + one.entries * (INDEX + itemsize)
        if one.batch is not None:
            return targets + rows
        blocks = math.ceil(one.n / rows_of_sparse_block(one.n))
        columns = 2 * INDEX * min(one.entries, blocks * one.N)
        return targets + rows + columns + one.entries * (INDEX + itemsize)
    return targets + itemsize * one.entries * (one.centred or converted)


def in_passing(one: Data, itemsize: int) -> int:
    """Bytes that are free again once a data loss is copied."""
    if one.kind == "sparse" and one.batch is None:  # the columns of each block, before they join
        return one.entries * (INDEX + itemsize) + 2 * INDEX * one.N
    return 8 * one.entries * (one.kind == "dense" and one.centred and itemsize != one.itemsize)


def scratch(one: Data, columns: int, p: int, itemsize: int) -> int:
    """Bytes of the arrays that passes with so many columns use."""
    batch, wide = one.batch is not None, max(one.widths[1:])
    if one.kind == "readable":
        return 0
    if one.kind == "network":  # column by column
        parts = network.parts_of(one.work, one.B)
        return itemsize * (parts * p + one.B * (one.N * batch + one.widths[1]))
    C, sparse = padded(columns * wide, itemsize), one.kind == "sparse"
    rows = rows_of_sparse_block(one.B) if sparse else rows_of_block(one.N, itemsize)
    work = one.entries * one.B // one.n * wide if sparse else one.work
    parts = min(pool.parts(work * columns), math.ceil(one.B / rows))
    own = (one.N + 1) * C if sparse else rows * one.N * batch + C
    return itemsize * parts * (columns * p + rows * C + own)


def in_pass(one: Data, columns: int, itemsize: int) -> int:
    """Bytes that are free again after a pass: weights side by side, and a number per example."""
    wide = max(one.widths[1:])
    if one.kind == "readable":
        return 8 * one.B * (4 * wide * columns + one.N * (one.batch is not None))
    if one.kind == "network":
        return itemsize * one.B * 4 * wide
    C = columns * wide
    return itemsize * one.B + one.N * (itemsize * padded(C, itemsize) + 8 * C)
