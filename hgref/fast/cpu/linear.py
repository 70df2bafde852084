"""Linear models with a compiled loss: a pass over X, in blocks that stay in the cache.

    z = X V + offset,   V the weights w or columns u      then the loss, then      G = Rᵀ X

One pass serves w (base = 1), k tangent columns, or all of them. Twin of
hgref.objectives.linear_model; the two products are in products.py, the loss is in heads.py.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array
from hgref.fast.cpu import heads, pool
from hgref.fast.cpu.compiled import bound, kernel
from hgref.fast.cpu.products import add_product, aligned, padded, row_product
from hgref.layout import Blocks
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.objective import Objective

BLOCK_BYTES = 200_000  # of X: it stays in the second-level cache, its pages in that of addresses
PANEL_BYTES = 2**19  # of the columns that stay in a cache while X passes
NONE, NO_MATRIX = np.zeros(0), np.zeros((0, 0))


class Pass(NamedTuple):
    """The arguments of a pass that all its parts share.

    Y        (n, K) targets;  rows: (B,) the examples of the step
    c        (B,) λ_i/B;  dc (n, k) their tangents, or (0, 0)
    V        (N·C,) columns of weights side by side, K each, padded to C
    offset   (C,) the columns of biases;  unit: (1,) the number 1
    P        (B, kept) filled if base = 1, else used
    base, k  columns: of w, and of tangents
    share    (B,) r_i · dz_i of the last column, or (0,)
    """

    Y: Array
    rows: Array
    c: Array
    dc: Array
    V: Array
    offset: Array
    unit: Array
    P: Array
    base: int
    k: int
    share: Array


through_loss: Any = None  # of a head, in each copy of the functions below


def dense_part(one, X, copied, N, z, flat, sums, lo, hi):
    """sums ← the pass over examples lo … hi-1 of the step, in blocks of len(z).

    sums        W's part of each column, K·N numbers, then the biases of all columns, if any
    X, copied   all of X (n·N,);  a block of rows of a mini-batch, or (0,)
    z, flat     (rows of a block, C) scratch, and the same memory with a row more as (rows·C + C,)
    """
    C, D = len(one.offset), one.Y.shape[1] * (one.base + one.k)
    zero, unit = np.int64(0), np.int64(1)
    outside = np.int64(len(z) * C)
    for i in range(len(sums)):
        sums[i] = 0
    for q in range(C):
        flat[outside + q] = 0
    for first in range(lo, hi, len(z)):
        m, x, at = min(len(z), hi - first), X, first * N
        for i in range(m):
            for q in range(C):
                z[i, q] = one.offset[q]
        if len(copied):
            for i in range(m):
                for f in range(N):
                    copied[i * N + f] = X[one.rows[first + i] * N + f]
            x, at = copied, zero
        add_product(x, at, N, unit, one.V, zero, C, flat, zero, C, m, N, C)
        through_loss(one, z, first, first + m)
        add_product(flat, zero, unit, C, x, at, N, sums, zero, N, D, m, N)
        add_product(one.unit, zero, zero, zero, flat, zero, C, flat, outside, C, unit, m, C)
    for o in range(min(len(sums) - D * N, C)):
        sums[D * N + o] = flat[outside + o]


def rows_part(one, pointers, indices, values, z, flat, sums, lo, hi):
    """z ← X V and the loss, for examples lo … hi-1 of a sparse X; sums (C,) ← the sum of rows.

    flat   the same memory as z
    """
    C = len(one.offset)
    for i in range(lo, hi):
        row = one.rows[i]
        row_product(values, indices, pointers[row], pointers[row + 1], one.V, C, flat, i * C)
        for q in range(C):
            z[i, q] += one.offset[q]
    through_loss(one, z[lo:hi], lo, hi)
    zero, rows = np.int64(0), np.int64(hi - lo)
    for q in range(C):
        sums[q] = 0
    add_product(one.unit, zero, zero, zero, flat, lo * C, C, sums, zero, C, np.int64(1), rows, C)


@kernel
def columns_part(pointers, indices, values, z, pulled, C, lo, hi):
    """pulled (N·C,) ← Xᵀ R for features lo … hi-1, by columns of X; z (B·C,)."""
    for f in range(lo, hi):
        row_product(values, indices, pointers[f], pointers[f + 1], z, C, pulled, f * C)


@kernel
def scatter(pointers, indices, values, rows, z, pulled):
    """The same for the few rows of a mini-batch, by rows."""
    for f in range(len(pulled)):
        for k in range(pulled.shape[1]):
            pulled[f, k] = 0
    for i in range(len(rows)):
        for q in range(pointers[rows[i]], pointers[rows[i] + 1]):
            for k in range(pulled.shape[1]):
                pulled[indices[q], k] += values[q] * z[i, k]


@functools.cache
def passes(head: heads.Head) -> tuple[Any, Any]:
    """`dense_part` and `rows_part` for a loss."""
    loss = heads.loss_of(head)
    return tuple(
        kernel(bound(part, head.name, through_loss=loss)) for part in (dense_part, rows_part)
    )


class Linear(Objective):
    """A linear model's loss, in the numbers `real` of its products.

    part    the loss of the readable layer
    kept    numbers of 8 bytes that `at` keeps, about
    at_once columns of one pass; more of them take more passes
    """

    at_once = 10**9

    def __init__(self, part: Any, real: np.dtype):
        self.part, self.real = part, real
        self.head = heads.HEADS[type(part.loss)]
        features = part.features
        self.K, self.N, self.B, self.p = part.outputs, features.N, features.B, part.p
        self.Y = np.ascontiguousarray(part.y, real)
        self.every, self.unit = np.arange(features.n), np.ones(1, real)
        self.width = self.head.kept or self.K
        self.kept = -(-self.B * self.width * real.itemsize // 8)
        self.scratch: dict[Any, Any] = {}

    def rows(self, t: int) -> Array:
        table = self.part.features.batches
        return self.every if table is None else np.ascontiguousarray(table[t - 1], np.int64)

    def about(
        self, t: int, lam: Blocks, columns: Array, P: Array, base: int, dc: Array, share: Array
    ) -> Pass:
        """The arguments of a pass along columns (p, base + k)."""
        C = padded(columns.shape[1] * self.K, self.real.itemsize)
        W, b = self.part.unflatten(columns)
        V, offset = aligned((self.N, C), self.real), np.zeros(C, self.real)
        used = columns.shape[1] * self.K
        V[:, :used].reshape(self.N, columns.shape[1], self.K)[:] = W.transpose(1, 2, 0)
        if len(b):
            offset[:used] = b.T.reshape(-1)
        offset = self.shifted(offset, V)
        c = np.broadcast_to(self.part.scale(t, lam)[:, 0], self.B).astype(self.real)
        dc, share = (np.ascontiguousarray(x, self.real) for x in (dc, share))
        about = self.Y, self.rows(t), c, dc, V.reshape(-1), offset, self.unit
        return Pass(*about, P, base, columns.shape[1] - base, share)

    def shifted(self, offset: Array, V: Array) -> Array:
        return offset

    def at(self, t: int, w: Array, lam: Blocks) -> Any:
        return Swept(self, t, w, lam)

    def both(self, t: int, w: Array, lam: Blocks) -> tuple[Any, Array]:
        """(J_t(w), ∇J_t(w))."""
        return self.part.value(t, w, lam), self.at(t, w, lam).value

    def swept(self, one: Pass) -> Array:
        """∇J_t, or H u + M dλ for each column: (parts, base + k, p), for the caller to add up."""
        raise NotImplementedError


class Swept:
    """The loss of step t linearised at w: an hgref.at.At, whose `jvp` computes `value` too.

    value   (parts, p), for the caller to add up before the next pass
    """

    def __init__(self, of: Linear, t: int, w: Array, lam: Blocks):
        self.of, self.t, self.w, self.lam = of, t, w, lam
        self.P: Array | None = None  # what the examples keep, filled by the first pass
        self.g: Array | None = None

    @property
    def value(self) -> Array:
        return self.swept(self.w[:, None], 1)[:, 0] if self.g is None else self.g

    def jvp(self, dw: Array, dlam: Blocks) -> Array:
        part, base = self.of.part, int(self.P is None)
        moving = part.example_weights and part.block in dlam
        dc = dlam[part.block] / self.of.B if moving else NO_MATRIX
        found = self.swept(np.column_stack([self.w, dw]) if base else dw, base, dc)
        found = found.sum(axis=0, dtype=float)
        if base:
            self.g = found[:1]
        return found[base:].T

    def vjp(self, u: Array) -> tuple[Array, Blocks]:
        part = self.of.part
        share = np.zeros(self.of.B * part.example_weights, self.of.real)
        uH = self.swept(u[:, None], 0, share=share)[:, 0]
        shares = {part.block: share.astype(float)} if len(share) else {}
        return uH, part.gathered(self.t, shares)

    def swept(self, columns: Array, base: int, dc: Array = NO_MATRIX, share: Array = NONE) -> Array:
        of, count = self.of, columns.shape[1]
        if self.P is None:
            self.P = np.empty((of.B, of.width), of.real)
        if count > of.at_once:
            ends = [*range(0, count, of.at_once), count]
            each = [
                self.swept(columns[:, a:b], base * (a == 0), dc[:, max(a - base, 0) : b - base])
                for a, b in itertools.pairwise(ends)
            ]
            return np.concatenate([x.sum(axis=0, keepdims=True, dtype=float) for x in each], axis=1)
        return of.swept(of.about(self.t, self.lam, columns, self.P, base, dc, share))


def rows_of_block(N: int, itemsize: int) -> int:
    """Rows of X that are read together."""
    return min(max(BLOCK_BYTES // max(N * itemsize, 1) // 8 * 8, 8), 64)


class Dense(Linear):
    """With a dense X."""

    def __init__(self, part: DataLoss, real: np.dtype):
        super().__init__(part, real)
        features: Any = part.features
        X = features.X if features.centre is None else features.X - features.centre
        self.X = np.ascontiguousarray(X, real).reshape(-1)
        self.block = rows_of_block(self.N, real.itemsize)
        self.at_once = max(PANEL_BYTES // max(self.N * self.K * real.itemsize, 1), 8)

    def swept(self, one: Pass) -> Array:
        columns, C = one.base + one.k, len(one.offset)
        count = min(pool.parts(self.B * self.N * columns * self.K), -(-self.B // self.block))
        if (columns, C) not in self.scratch:
            batches = self.part.features.batches is not None
            self.scratch[columns, C] = (
                np.empty((count, columns * self.part.p), self.real),
                aligned((count, (self.block + 1) * C), self.real),
                np.empty((count, self.block * self.N * batches), self.real),
            )
        G, flat, copied = self.scratch[columns, C]
        parts = pool.bounds(self.B, count)
        pool.each(passes(self.head)[0], [
            (one, self.X, copied[q], self.N, flat[q, :-C].reshape(-1, C), flat[q], G[q], *parts[q])
            for q in range(count)
        ])  # fmt: skip
        if columns == 1:
            return G[:, None]
        total, cut = G.sum(axis=0, dtype=float), columns * self.K * self.N
        each = total[:cut].reshape(columns, -1), total[cut:].reshape(columns, -1)
        return np.hstack(each)[None]


class Sparse(Linear):
    """With a sparse X, stored by rows and by columns; a centre c stays implicit: X − 1 cᵀ."""

    def __init__(self, part: DataLoss, real: np.dtype):
        super().__init__(part, real)
        features: Any = part.features
        self.centre = features.centre
        self.by_row, self.by_column = compressed(features.X, real), compressed(features.X.T, real)

    def shifted(self, offset: Array, V: Array) -> Array:
        return offset if self.centre is None else offset - (self.centre @ V).astype(self.real)

    def swept(self, one: Pass) -> Array:
        columns, C, batches = one.base + one.k, len(one.offset), self.part.features.batches
        if C not in self.scratch:
            self.scratch[C] = tuple(aligned((n, C), self.real) for n in (self.B, self.N))
        z, pulled = self.scratch[C]
        share = 1.0 if batches is None else self.B / self.part.features.n
        count = pool.parts(int(len(self.by_row[2]) * C * share))
        parts = pool.bounds(self.B, count)
        flat, to = z.reshape(-1), pulled.reshape(-1)
        sums = np.empty((count, C), self.real)
        pool.each(passes(self.head)[1], [
            (one, *self.by_row, z, flat, sums[q], *parts[q]) for q in range(count)
        ])  # fmt: skip
        if batches is None:
            parts = alike(self.by_column[0], count)
            pool.each(columns_part, [(*self.by_column, flat, to, C, *part) for part in parts])
        else:
            scatter(*self.by_row, one.rows, z, pulled)
        used, total = columns * self.K, sums.sum(axis=0, dtype=float)
        g = pulled[:, :used].T.astype(float)
        if self.centre is not None:
            g -= np.outer(total[:used], self.centre)
        biases = total[:used].reshape(columns, self.K)[:, : self.K * self.part.bias]
        return np.hstack([g.reshape(columns, -1), biases])[None]


def alike(pointers: Array, count: int) -> list[tuple[int, int]]:
    """(first, last + 1) of parts with nearly equally many entries."""
    entries = int(pointers[-1]) * np.arange(count + 1) // count
    ends = np.searchsorted(pointers, entries)
    ends[0], ends[-1] = 0, len(pointers) - 1  # also lines without an entry
    return list(itertools.pairwise(ends.tolist()))


def compressed(matrix: Any, real: np.dtype) -> tuple[Array, Array, Array]:
    """(pointers, indices, values) of the rows."""
    if matrix.nnz >= 2**32:
        raise ValueError(f"X: expected fewer than 2**32 entries in a sparse X, found {matrix.nnz}")
    matrix = matrix.tocsr()
    return (
        matrix.indptr.astype(np.uint32),
        matrix.indices.astype(np.uint32),
        matrix.data.astype(real),
    )
