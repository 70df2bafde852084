"""Linear models with a compiled loss: a pass over X, in blocks that stay in the cache.

    z = X V + offset,   V the weights w or columns u      then the loss, then      G = Rᵀ X

One pass serves w (base = 1), k tangent columns, or all of them. Twin of
hgref.objectives.linear_model; the two products are in products.py, the loss is in heads.py.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array
from hgref.fast.cpu import heads, pool
from hgref.fast.cpu.compiled import bound, kernel, leaf
from hgref.fast.cpu.products import add_product, add_sparse, aligned, padded
from hgref.layout import Blocks
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.objective import Objective

BLOCK_BYTES = 200_000  # of X: it stays in the second-level cache, its pages in that of addresses
PANEL_BYTES = 2**19  # of the columns that stay in a cache while X passes
ROWS = 512  # of a sparse X, in a block, at most: their residuals stay in a cache
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


through_loss: Any = None  # of a head, as is of_part, in each copy of the functions below
of_part: Any = None


def dense_part(one, X, N, copied, z, flat, sums, lo, hi):
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


class Rows(NamedTuple):
    """A sparse matrix: row i has the entries pointers[i] … pointers[i+1]-1."""

    pointers: Array
    indices: Array
    values: Array


class Columns(NamedTuple):
    """The columns with entries of each block of rows: of block q, starts[q] … starts[q+1]-1.

    Column j is of feature features[j] and has the entries pointers[j] … pointers[j+1]-1. An index
    is a row, counted from the first of its block.
    """

    starts: Array
    features: Array
    pointers: Array
    indices: Array
    values: Array


def sparse_part(one, X, Xt, centre, N, z, flat, pulled, sums, lo, hi):
    """`dense_part` for a sparse X: X V by its rows, Rᵀ X by the columns of each block.

    X, Xt       Rows and Columns;  of mini-batches no Columns
    centre      (N,) c of X − 1 cᵀ, or (0,)
    z, flat     (rows of a block, C) scratch, and the same memory as (rows·C,)
    pulled      (N·C + C,) scratch: XᵀR by features, then the sum of R's rows
    """
    C, D = len(one.offset), one.Y.shape[1] * (one.base + one.k)
    zero, unit = np.int64(0), np.int64(1)
    for i in range(len(pulled)):
        pulled[i] = 0
    for first in range(lo, hi, len(z)):
        m = min(len(z), hi - first)
        for i in range(m):
            row = one.rows[first + i]
            for q in range(C):
                z[i, q] = one.offset[q]
            a, b = X.pointers[row], X.pointers[row + 1]
            add_sparse(X.values, X.indices, a, b, one.V, C, flat, i * C)
        through_loss(one, z, first, first + m)
        if len(Xt.starts) > 1:
            for j in range(Xt.starts[first // len(z)], Xt.starts[first // len(z) + 1]):
                a, b, to = Xt.pointers[j], Xt.pointers[j + 1], Xt.features[j] * C
                add_sparse(Xt.values, Xt.indices, a, b, flat, C, pulled, to)
        else:
            for i in range(m):
                row = one.rows[first + i]
                for q in range(X.pointers[row], X.pointers[row + 1]):
                    for o in range(C):
                        pulled[X.indices[q] * C + o] += X.values[q] * z[i, o]
        add_product(one.unit, zero, zero, zero, flat, zero, C, pulled, N * C, C, unit, m, C)
    for o in range(D):
        total = pulled[N * C + o]
        for f in range(N):
            sums[o * N + f] = pulled[f * C + o]
        for f in range(len(centre)):
            sums[o * N + f] -= total * centre[f]
        if len(sums) > D * N:
            sums[D * N + o] = total


def dense_parts(counter, one, X, N, copied, z, flat, sums, ends):
    """`dense_part` for examples ends[q] … ends[q+1]-1, with the scratch q."""
    q = pool.taken(counter)
    while q < len(sums):
        of_part(one, X, N, copied[q], z[q], flat[q], sums[q], ends[q], ends[q + 1])
        q = pool.taken(counter)


def sparse_parts(counter, one, X, Xt, centre, N, z, flat, pulled, sums, ends):
    """`sparse_part` likewise."""
    q = pool.taken(counter)
    while q < len(sums):
        of_part(one, X, Xt, centre, N, z[q], flat[q], pulled[q], sums[q], ends[q], ends[q + 1])
        q = pool.taken(counter)


@functools.cache
def passes(head: heads.Head) -> tuple[Any, Any]:
    """`dense_parts` and `sparse_parts` for a loss."""
    loss = heads.loss_of(head)
    return tuple(
        kernel(bound(all_of, head.name, of_part=leaf(bound(part, head.name, through_loss=loss))))
        for all_of, part in ((dense_parts, dense_part), (sparse_parts, sparse_part))
    )


class Linear(Objective):
    """A linear model's loss, in the numbers `real` of its products.

    part    the loss of the readable layer
    kept    numbers of 8 bytes that `at` keeps, about
    data    X, as a pass takes it;  kind: the index of its pass in `passes`
    entries of X in a step;  block: rows of a block;  whole: rows that parts do not divide
    at_once columns of one pass; more of them take more passes
    """

    data: tuple[Any, ...]
    kind: int
    entries: int
    block: int
    whole = 1
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
        columns, C = one.base + one.k, len(one.offset)
        count = min(pool.parts(self.entries * columns * self.K), -(-self.B // self.block))
        if (columns, C) not in self.scratch:
            own = self.own(count, C)
            self.scratch[columns, C] = np.empty((count, columns * self.part.p), self.real), own
        G, own = self.scratch[columns, C]
        parts = pool.bounds(-(-self.B // self.whole), count)
        ends = np.array([0, *(min(hi * self.whole, self.B) for _, hi in parts)])
        sweep = passes(self.head)[self.kind]
        pool.shared(sweep, count, one, *self.data, self.N, *own, G, ends)
        if columns == 1:
            return G[:, None]
        total, cut = G.sum(axis=0, dtype=float), columns * self.K * self.N
        each = total[:cut].reshape(columns, -1), total[cut:].reshape(columns, -1)
        return np.hstack(each)[None]

    def own(self, count: int, C: int) -> tuple[Array, ...]:
        """The scratch of each of `count` parts."""
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

    kind = 0

    def __init__(self, part: DataLoss, real: np.dtype):
        super().__init__(part, real)
        features: Any = part.features
        X = features.X if features.centre is None else features.X - features.centre
        self.X = np.ascontiguousarray(X, real).reshape(-1)
        self.data = (self.X,)
        self.entries, self.block = self.B * self.N, rows_of_block(self.N, real.itemsize)
        self.at_once = max(PANEL_BYTES // max(self.N * self.K * real.itemsize, 1), 8)

    def own(self, count: int, C: int) -> tuple[Array, ...]:
        flat = aligned((count, (self.block + 1) * C), self.real)
        batches = self.part.features.batches is not None
        copied = np.empty((count, self.block * self.N * batches), self.real)
        return copied, flat[:, :-C].reshape(count, -1, C), flat


class Sparse(Linear):
    """With a sparse X; a centre c stays implicit: X − 1 cᵀ."""

    kind = 1

    def __init__(self, part: DataLoss, real: np.dtype):
        super().__init__(part, real)
        features: Any = part.features
        self.centre = features.centre
        centre = NONE if self.centre is None else self.centre
        self.block = self.whole = rows_of_sparse_block(self.B)
        X = features.X.tocsr()
        if X.nnz >= 2**32:
            raise ValueError(f"X: expected fewer than 2**32 entries, found {X.nnz}")
        of_blocks = X if features.batches is None else X[:0]  # others are not known beforehand
        columns = by_columns(of_blocks, self.block, real)
        self.data = by_rows(X, real), columns, np.ascontiguousarray(centre, real)
        self.entries = features.X.nnz * self.B // max(features.n, 1)

    def shifted(self, offset: Array, V: Array) -> Array:
        return offset if self.centre is None else offset - (self.centre @ V).astype(self.real)

    def own(self, count: int, C: int) -> tuple[Array, ...]:
        z = aligned((count, self.block, C), self.real)
        return z, z.reshape(count, -1), aligned((count, (self.N + 1) * C), self.real)


def rows_of_sparse_block(B: int) -> int:
    """At most ROWS, so that eight parts of a pass have nearly as many blocks each."""
    return -(-B // (pool.PARTS * -(-B // (pool.PARTS * ROWS))))


def by_rows(X: Any, real: np.dtype) -> Rows:
    return Rows(X.indptr.astype(np.uint32), X.indices.astype(np.uint32), X.data.astype(real))


def by_columns(X: Any, block: int, real: np.dtype) -> Columns:
    """The columns of each block of `block` rows."""
    starts, features, sizes, indices, values = [0], [], [], [], [NONE.astype(real)]
    for first in range(0, X.shape[0], block):
        rows = X[first : first + block].tocsc()
        size = np.diff(rows.indptr)
        filled = np.flatnonzero(size)
        starts.append(starts[-1] + len(filled))
        features.append(filled)
        sizes.append(size[filled])
        indices.append(rows.indices)
        values.append(rows.data.astype(real))
    pointers = np.cumsum(np.concatenate([[0], *sizes]))
    whole = joined([starts]), joined(features), joined([pointers]), joined(indices)
    return Columns(*whole, np.concatenate(values))


def joined(arrays: Iterable[Any]) -> Array:
    """One array of all, for compiled code."""
    return np.concatenate([np.zeros(0, int), *arrays]).astype(np.uint32)
