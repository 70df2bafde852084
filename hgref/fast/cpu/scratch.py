"""Scratch memory for passes over the data, and how their rows are divided."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from hgref.arguments import Array
from hgref.fast.cpu import blas
from hgref.fast.cpu.features import Small, Sparse, Work
from hgref.fast.cpu.lanes import NARROW
from hgref.fast.cpu.lowering import Data, Lowered, batch_size, two_headed, weighted
from hgref.fast.cpu.network import Columns, kept_width
from hgref.fast.cpu.weights import MANY, Part, Threads
from hgref.objectives.data_loss import DataLoss

# OpenBLAS has a quick path for products of fewer than a million multiplications, on one thread; a
# block of rows is to stay in it, and in half of a small second-level cache.
SMALL_PRODUCT = 900_000
BLOCK_BYTES = 420_000
LEAST_ROWS, WIDE_ROWS = 32, 128  # where so few rows are left that the path is slow, more are taken
LINE = 64  # bytes
ALONE = 500_000  # multiplications a pass below which a second thread costs more than it does


def workspaces(low: Lowered, columns: Columns) -> tuple[Work, ...]:
    """Scratch for passes with these columns; blocks of rows are chosen by n₁ and N alone."""
    return tuple(
        workspace(data, columns, low.problem.p, low.dtype, loss if not columns.lead else None)
        for data, loss in zip(low.J.data, low.losses, strict=True)
    )


def all_weights(low: Lowered, works: tuple[Work, ...]) -> Part | Threads:
    """All weights, after passes with these workspaces."""
    sums = tuple(work.G for work in works)
    if low.J.coupling.tasks:
        sums += (np.zeros((1, *sums[0].shape[1:]), low.dtype),)  # beyond the tasks' it stays 0
    whole = len(low.J.H) > 0  # a product with H reads weights that another piece has moved
    if low.small or low.problem.p < MANY or whole:
        return Part(sums, np.ones(1, bool), 0, np.uint64(0), np.uint64(low.problem.p))
    return Threads(sums, np.ones(numba.get_num_threads(), bool))


def workspace(data: Data, columns: Columns, p: int, real: Any, shared: DataLoss | None) -> Work:
    """For one data loss; `shared`: the loss, where the shares of its hyperparameters are wanted."""
    widths, B = data.net.widths, batch_size(data)
    N, n1 = int(widths[0]), int(widths[1])
    parts, rows = partition(data, columns, real)
    into, out, lead = (columns.base + columns.k) * n1, (columns.lead + columns.k) * n1, columns.lead
    if isinstance(data, Sparse):
        padded_in, padded_out = (-(-C // NARROW) * NARROW for C in (into, out))
        shapes: dict[str, tuple[int, ...]]
        shapes = {"panel": (N, padded_in), "z": (B, padded_in), "r": (B, padded_out)}
        shapes |= {"X": (parts, 0, N), "pulled": (1, N, padded_out)}
    else:
        N = len(data.X) if isinstance(data, Small) else N
        shapes = {"panel": (into, N), "z": (parts, into * rows), "r": (parts, out * rows)}
        batch = (N, rows) if isinstance(data, Small) else (rows, N)
        shapes |= {"X": (parts, *batch) if data.batches.size else (parts, 0, 0)}
        shapes |= {"pulled": (parts, out, N)}
    arrays: dict[str, Any] = {name: aligned(shape, real) for name, shape in shapes.items()}
    return Work(
        rows=rows,
        width=kept_width(data.net),
        offset=np.zeros(into, real),
        G=np.zeros((parts, lead + columns.k, p), real),
        c=np.zeros(B, real),
        share=np.zeros(B * weighted(shared), real),
        to_head=np.zeros((parts, len(data.net.Y) * two_headed(shared)), real),
        every=np.arange(B),
        **arrays,
    )


def aligned(shape: tuple[int, ...], real: Any) -> Array:
    """Zeros that begin where a line of the cache does: a vector register across two is slow."""
    size = math.prod(shape) * real.itemsize
    memory = np.zeros(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size].view(real).reshape(shape)


def partition(data: Data, columns: Columns, real: Any) -> tuple[int, int]:
    """(threads' parts, rows in a block)."""
    widths, B = data.net.widths, max(batch_size(data), 1)
    threads = numba.get_num_threads()
    N, panel = int(widths[0]), max((columns.base + columns.k) * int(widths[1]), 1)
    if isinstance(data, Sparse):
        entries = data.by_row.values.size * B // max(data.net.Y.shape[1], 1)
        return (1 if entries * panel < ALONE else threads), B
    rows = min(SMALL_PRODUCT // (N * panel), BLOCK_BYTES // (N * real.itemsize)) // 8 * 8
    layered, wide = len(widths) > 2, rows < LEAST_ROWS
    if layered or wide:  # large products
        if not blas.can_be_told():
            return 1, B
        rows = -(-B // threads) if layered else WIDE_ROWS
    return (1 if B * N * panel < ALONE else threads), min(rows, B)


def kept_rows(low: Lowered, steps: int) -> tuple[Array, ...]:
    """For each data loss what `between` keeps of each of so many steps; untouched memory."""
    sizes = [batch_size(data) * kept_width(data.net) for data in low.J.data]
    return tuple(np.empty((max(steps, 1), size), low.dtype) for size in sizes)
