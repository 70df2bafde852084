"""Scratch memory for passes over the data."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from hgref.arguments import Array
from hgref.fast.cpu import blas, shapes
from hgref.fast.cpu.features import Dense, Small, Sparse, Work
from hgref.fast.cpu.lowering import Data, Lowered, batch_size, two_headed, weighted
from hgref.fast.cpu.network import kept_width
from hgref.fast.cpu.weights import Part, Threads
from hgref.objectives.data_loss import DataLoss

FORMS = {Small: "small", Dense: "dense", Sparse: "sparse"}


def workspaces(low: Lowered, columns: shapes.Panel) -> tuple[Work, ...]:
    """Scratch for passes with these columns; the block size depends on n₁ and N only."""
    return tuple(
        workspace(data, columns, low.problem.p, low.dtype, loss if not columns.lead else None)
        for data, loss in zip(low.J.data, low.losses, strict=True)
    )


def all_weights(low: Lowered, works: tuple[Work, ...]) -> Part | Threads:
    """All weights, after passes with these workspaces."""
    sums = tuple(work.G for work in works)
    if low.J.coupling.tasks:
        sums += (np.zeros((1, *sums[0].shape[1:]), low.dtype),)  # stays 0 beyond the tasks' weights
    whole = len(low.J.H) > 0  # a product with H reads weights outside the piece
    if low.small or low.problem.p < shapes.MANY or whole:
        return Part(sums, np.ones(1, bool), 0, np.uint64(0), np.uint64(low.problem.p))
    return Threads(sums, np.ones(numba.get_num_threads(), bool))


def workspace(
    data: Data, columns: shapes.Panel, p: int, real: Any, shared: DataLoss | None
) -> Work:
    """Scratch for one data loss; `shared`: the loss, if its hyperparameters need their shares."""
    machine = shapes.Machine(numba.get_num_threads(), blas.can_be_told())
    about = sizes_of(data, shared), FORMS[type(data)], columns
    rows, made = shapes.scratch(*about, p, real.itemsize, machine)
    arrays: dict[str, Any] = {name: aligned(shape, real) for name, shape in made.items()}
    return Work(rows=rows, width=kept_width(data.net), every=np.arange(batch_size(data)), **arrays)


def sizes_of(data: Data, shared: DataLoss | None) -> shapes.Data:
    """The sizes of a data loss."""
    n = data.net.Y.shape[1]
    return shapes.Data(
        n=n,
        widths=tuple(map(int, data.net.widths)),
        batch=batch_size(data) if data.batches.size else None,
        nonzeros=data.by_row.values.size if isinstance(data, Sparse) else None,
        bias=data.net.bias,
        weighted=weighted(shared),
        two_headed=two_headed(shared),
    )


def aligned(shape: tuple[int, ...], real: Any) -> Array:
    """Zeros aligned to a cache line: loading a vector from two lines is slow."""
    size = math.prod(shape) * real.itemsize
    memory = np.zeros(size + shapes.LINE, np.uint8)
    start = -memory.ctypes.data % shapes.LINE
    return memory[start : start + size].view(real).reshape(shape)


def kept_rows(low: Lowered, steps: int) -> tuple[Array, ...]:
    """Uninitialised arrays, one for each data loss, for what `between` keeps of each step."""
    sizes = [batch_size(data) * kept_width(data.net) for data in low.J.data]
    return tuple(np.empty((max(steps, 1), size), low.dtype) for size in sizes)
