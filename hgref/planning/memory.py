"""Bytes that hgref.fast.cpu allocates at its peak, beside the problem itself."""

from __future__ import annotations

import math
from importlib.util import find_spec

from hgref.fast.cpu.shapes import MANY, Data, Machine, Panel, forms, scratch, stretch
from hgref.planning.sizes import Sizes
from hgref.planning.tape import Items, Tape

OBJECTS = 50_000  # bytes of all small objects, about
INDEX = 4  # bytes of an index into a sparse X


class Memory:
    """Memory of a problem in numbers.

    sizes     the problem
    itemsize  bytes of a number in the products with the data
    threads   of the kernels
    """

    def __init__(self, sizes: Sizes, itemsize: int, threads: int):
        self.sizes, self.itemsize = sizes, itemsize
        self.machine = Machine(threads, find_spec("threadpoolctl") is not None)

    def forward(self, m: int) -> Items:
        """Z (d, m), its part for the weights and that after a pass; dλ, the identity."""
        s = self.sizes
        columns = 8 * m * (2 * s.d + 2 * s.p + 1) + 8 * m * (s.all or m)
        return {
            f"{m} columns of Z, their tangents and passes":
                columns + self.scratch(Panel(1, m, 1), m),
            "data as compiled loops want them": self.data(m),
            "the state, the error": self.vectors(0) + self.error(),
        }  # fmt: skip

    def tape(self, recompute: bool) -> Tape:
        """Bytes of one state, of one step on the tape, and of what is allocated once."""
        s, predictions = self.sizes, self.itemsize * sum(one.B * one.kept for one in self.sizes.J)
        kept = 0 if recompute else predictions
        once = self.data(1) + self.vectors(1) + self.error() + (predictions - kept)
        once += self.scratch(Panel(1, 0, 1), 1) + self.scratch(Panel(int(recompute), 1, 0), 1)
        most = min(s.T, stretch(s.T, s.d))
        return Tape(s.T, 8 * s.d, self.itemsize * s.p + kept, once, most, self.lowering(1), kept)

    def data(self, k: int) -> int:
        """Copies of the data in another type or order, for passes with k tangents."""
        return self.sizes.batches + sum(copied(*one, self.itemsize) for one in self.parts(k))

    def parts(self, k: int) -> list[tuple[Data, str]]:
        """Each data loss with the form in which its X is stored."""
        return list(zip(self.sizes.J, forms(self.sizes.J, k), strict=True))

    def lowering(self, k: int) -> int:
        """The peak while these copies are made."""
        made = [copied(*one, self.itemsize) for one in self.parts(k)]
        passing = [in_passing(*one, self.itemsize) for one in self.parts(k)]
        return OBJECTS + sum(made) + max(passing, default=0)

    def scratch(self, panel: Panel, k: int) -> int:
        """Scratch memory of one pass."""
        s, made = self.sizes, 0
        for one, form in self.parts(k):
            _, shapes = scratch(one, form, panel, s.p, self.itemsize, self.machine)
            made += self.itemsize * sum(map(math.prod, shapes.values())) + 8 * one.B
        if s.relations:
            made += self.itemsize * (panel.lead + panel.k) * s.p
        return made

    def vectors(self, columns: int) -> int:
        """The state and its adjoint, schedules, and one number for each weight or example."""
        s = self.sizes
        shared = 1 if s.p < MANY else self.machine.threads
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


def copied(one: Data, form: str, itemsize: int) -> int:
    """Bytes of the copies of a data loss."""
    targets, converted = itemsize * one.n * one.outputs, itemsize != one.itemsize
    if form == "sparse":  # by rows and by columns
        by_row = INDEX + itemsize * converted
        return targets + one.entries * (by_row + INDEX + itemsize)
    if form == "small":
        return targets + itemsize * one.n * (one.N + one.bias)
    return targets + itemsize * one.entries * (one.centred or converted)


def in_passing(one: Data, form: str, itemsize: int) -> int:
    """Bytes that are free again once a data loss is copied."""
    if form == "sparse":
        return one.entries * (INDEX + one.itemsize * (itemsize != one.itemsize))
    stored = one.centred or form == "small"
    return one.itemsize * one.entries * (stored and itemsize != one.itemsize)
