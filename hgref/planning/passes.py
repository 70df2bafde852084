"""What a pass over the data of hgref.fast.cpu needs: how its rows are divided, and scratch memory.

A pass multiplies X with a panel of columns, visits what lies between, and pulls the results back.
The compiled layer allocates what stands here, and the plan adds it up.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from hgref.planning.sizes import Data

# OpenBLAS has a quick path for products of fewer than a million multiplications, on one thread; a
# block of rows is to stay in it, and in half of a small second-level cache.
SMALL_PRODUCT = 900_000
BLOCK_BYTES = 420_000
LEAST_ROWS, WIDE_ROWS = 32, 256  # where so few rows are left that the path is slow, more are taken
ALONE = 500_000  # multiplications of a pass below which a second thread costs more than it does
MANY = 32_768  # weights below which a second thread costs more than it does
NARROW = 8  # a panel for sparse rows is padded to a multiple of so many columns
LINE = 64  # bytes of a line of the cache, on which scratch memory begins

Shapes = dict[str, tuple[int, ...]]


class Panel(NamedTuple):
    """base + k columns go over the data, lead + k come back: see hgref.fast.cpu.network.Columns."""

    base: int
    k: int
    lead: int


class Threads(NamedTuple):
    """How many there are, and whether BLAS can be told to stay on the one that calls it."""

    number: int
    blas_alone: bool


def partition(
    data: Data, form: str, panel: Panel, itemsize: int, threads: Threads
) -> tuple[int, int]:
    """(threads' parts, rows in a block); blocks of rows are chosen by n₁ and N alone."""
    B, N = max(data.B, 1), data.N
    columns = max((panel.base + panel.k) * data.widths[1], 1)
    if form == "sparse":
        return (1 if data.seen * columns < ALONE else threads.number), B
    rows = min(SMALL_PRODUCT // (N * columns), BLOCK_BYTES // (N * itemsize)) // 8 * 8
    if data.layered or rows < LEAST_ROWS:  # large products
        if not threads.blas_alone:
            return 1, B
        rows = -(-B // threads.number) if data.layered else WIDE_ROWS
    return (1 if B * N * columns < ALONE else threads.number), min(rows, B)


def scratch(
    data: Data, form: str, panel: Panel, p: int, itemsize: int, threads: Threads
) -> tuple[int, Shapes]:
    """(rows in a block, shapes of the arrays of hgref.fast.cpu.features.Work)."""
    parts, rows = partition(data, form, panel, itemsize, threads)
    N, n1, B = data.N, data.widths[1], data.B
    into, out = (panel.base + panel.k) * n1, (panel.lead + panel.k) * n1
    if form == "sparse":
        padded_in, padded_out = (-(-C // NARROW) * NARROW for C in (into, out))
        shapes: Shapes = {"panel": (N, padded_in), "z": (B, padded_in), "r": (B, padded_out)}
        shapes |= {"X": (parts, 0, N), "pulled": (1, N, padded_out)}
    else:
        N += form == "small" and data.bias  # a row of ones
        block = (N, rows) if form == "small" else (rows, N)
        shapes = {"panel": (into, N), "z": (parts, into * rows), "r": (parts, out * rows)}
        shapes |= {"X": (parts, *(block if data.batch is not None else (0, 0)))}
        shapes |= {"pulled": (parts, out, N)}
    back = panel.lead == 0  # then the shares of λ are wanted
    return rows, shapes | {
        "offset": (into,),
        "G": (parts, panel.lead + panel.k, p),
        "c": (B,),
        "share": (B * (back and data.weighted),),
        "to_head": (parts, data.outputs * (back and data.two_headed)),
    }


def bytes_of(shapes: Shapes, itemsize: int) -> int:
    return itemsize * sum(map(math.prod, shapes.values()))
