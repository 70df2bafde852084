"""One fused pass over a data matrix X: z = X Vᵀ, the network above z, then Rᵀ X.

Dense X is read in blocks of rows that stay in the cache from the first product to the second; each
thread has its own rows and its own sum. Sparse X is read by rows for the first product and by
columns for the second, so that one thread alone writes each number. Either way the same number of
threads adds the same numbers in the same order. Twin of hgref.objectives.features, linear_model.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from hgref.arguments import Array
from hgref.fast.cpu.compiled import allocating, by_type, compiled, either, kernel, threaded, viewing
from hgref.fast.cpu.lanes import WIDE, row_times
from hgref.fast.cpu.network import Block, Layers, Linear, add_bias, between, head_parts, layer

FIRST_LAYER = 1


class Compressed(NamedTuple):
    """A sparse matrix: row i has the entries pointers[i] … pointers[i+1] - 1."""

    pointers: Array
    indices: Array
    values: Array


class Small(NamedTuple):
    """A dense data loss that one thread finishes before another one would wake up.

    X        (N, n) less its centre, features × examples: this order makes products with few
             rows twice as fast, and without blocks of examples it has no disadvantage. A last
             row of ones adds the biases, if there are any
    batches  (T, B) the rows that each step uses; (0, 0): all of them
    net      the network above it
    """

    X: Array
    batches: Array
    net: Linear | Layers


class Dense(NamedTuple):
    """A dense data loss; the fields of `Small`, but X is (n, N)."""

    X: Array
    batches: Array
    net: Linear | Layers


class Sparse(NamedTuple):
    """A sparse data loss: X − 1 cᵀ with X stored twice, c (N,) or (0,) for none."""

    by_row: Compressed
    by_column: Compressed
    centre: Array
    batches: Array
    net: Linear | Layers


class Work(NamedTuple):
    """Scratch for passes with a fixed number of columns; q counts the threads' parts.

    rows     rows in a block;  width: numbers that a row keeps, see kept_width
    panel    V: dense (C, N); sparse (N, C), padded; C = (base + k)·n₁; small with biases
             (C, N + 1), and N + 1 for N below
    offset   (C,) added to every row's z: biases, less V c
    z, r     (parts, C·rows) and (parts, (lead + k)·n₁·rows); sparse: (B, C) and so on, padded
    X        (parts, rows, N) a block's rows, if there are batches; small: (1, N, rows)
    pulled   (parts, (lead + k)·n₁, N) Rᵀ X of one block; sparse (1, N, (lead + k)·n₁ padded)
    G        (parts, lead + k, p) each part's sums
    c        (B,) λ_i/B
    share    (B,) B times the gradient in each λ_i; (0,) if not requested
    to_head  (parts, outputs) the gradient in each h_o, or (parts, 0)
    every    (n,) 0 … n-1: the rows of a step without batches
    """

    rows: int
    width: int
    panel: Array
    offset: Array
    z: Array
    r: Array
    X: Array
    pulled: Array
    G: Array
    c: Array
    share: Array
    to_head: Array
    every: Array


# Each of the following is one pass:
#
#     sweep(data, work, t, factors, w, U, columns, kept)
#
# Σ_q work.G[q] ← ∇J_t if lead = 1, then its tangent along each column.
# kept: (B · width,) of this step, see `Block`.


@compiled
def small_sweep(data, work, t, factors, w, U, columns, kept):
    """The pass in one block."""
    rows = data.batches[t - 1] if data.batches.size else work.every
    start(work, rows, factors.examples)
    fill_panel(data.net, work.panel, work.offset, w, U, columns)
    net, m, n1, G = data.net, len(rows), data.net.widths[1], work.G[0]
    C, D = (columns.base + columns.k) * n1, (columns.lead + columns.k) * n1
    X = batch(data.X, work, rows)
    z, r = work.z[0, : C * m].reshape(C, m), work.r[0, : D * m].reshape(D, m)
    G[:] = 0
    product(work.panel, X, z)
    between(net, block_of(net, work, rows, factors, 0, m, kept, 0), z, r, w, U, columns, G)
    product(r, X.T, work.pulled[0])
    add_first_layer(net, work.pulled[0], G)


@viewing
def batch(all_X, work, rows):
    """X for the examples of a step."""
    if work.X.shape[1] == 0:
        return all_X
    X = work.X[0]
    for f in range(X.shape[0]):
        for i in range(X.shape[1]):
            X[f, i] = all_X[f, rows[i]]
    return X


@either
def dense_sweep(data, work, t, factors, w, U, columns, kept):
    """The pass in blocks of rows."""
    rows = data.batches[t - 1] if data.batches.size else work.every
    start(work, rows, factors.examples)
    fill_panel(data.net, work.panel, work.offset, w, U, columns)
    if len(work.G) == 1:
        dense_part(data.X, data.net, work, rows, factors, w, U, columns, kept, 0)
    else:
        dense_parts(data.X, data.net, work, rows, factors, w, U, columns, kept)


@either
def sparse_sweep(data, work, t, factors, w, U, columns, kept):
    """The pass by rows, then by columns; for a mini-batch, by rows both times."""
    rows = data.batches[t - 1] if data.batches.size else work.every
    start(work, rows, factors.examples)
    fill_sparse_panel(data.net, work.panel, work.offset, data.centre, w, U, columns)
    r, pulled = work.r, work.pulled[0]
    alone = len(work.G) == 1
    if alone:
        sparse_part(data.by_row, data.net, work, rows, factors, w, U, columns, kept, 0)
    else:
        sparse_parts(data.by_row, data.net, work, rows, factors, w, U, columns, kept)
    if data.batches.size:
        scatter(data.by_row, rows, r, pulled)
    elif alone:
        gather_part(data.by_column, r, pulled, 0, 1)
    else:
        gather_parts(data.by_column, r, pulled, len(work.G))
    add_sparse_first_layer(data.net, data.centre, pulled, r, work.G)


sweep = by_type({Small: small_sweep, Dense: dense_sweep, Sparse: sparse_sweep})


@kernel
def start(work, rows, weights):
    """c_i = λ_i/B for the examples of the step; shares are set to 0."""
    for i in range(len(rows)):
        work.c[i] = weights[rows[i]] / len(rows)
    work.share[:] = 0
    work.to_head[:] = 0


@kernel
def fill_panel(net, panel, offset, w, U, columns):
    """V: the first layer's matrix of w (base = 1) and of each column; biases beside it or in it."""
    _, last, end = layer(net, FIRST_LAYER)
    n1, N = net.widths[1], net.widths[0]
    inside = panel.shape[1] > N
    for j in range(columns.base + columns.k):
        v = w if j < columns.base else U[j - columns.base]
        for o in range(n1):
            for f in range(N):
                panel[j * n1 + o, f] = v[o * N + f]
            if inside:
                panel[j * n1 + o, N] = v[last + o]
            else:
                offset[j * n1 + o] = v[last + o] if last < end else 0.0


@kernel
def fill_sparse_panel(net, panel, offset, centre, w, U, columns):
    """V transposed (N, C); biases less V c."""
    _, last, end = layer(net, FIRST_LAYER)
    n1, N = net.widths[1], net.widths[0]
    for j in range(columns.base + columns.k):
        v = w if j < columns.base else U[j - columns.base]
        for o in range(n1):
            shift = v[last + o] if last < end else 0.0
            for f in range(N):
                panel[f, j * n1 + o] = v[o * N + f]
            for f in range(len(centre)):
                shift -= v[o * N + f] * centre[f]
            offset[j * n1 + o] = shift


@allocating
def product(a, b, out):
    """out ← a b, by BLAS."""
    np.dot(a, b, out)


@compiled
def add_offset(z, offset):
    for j in range(len(offset)):
        for i in range(z.shape[1]):
            z[j, i] += offset[j]


@viewing
def block_of(net, work, rows, factors, lo, hi, kept, q):
    """The arguments of `between` for the examples rows[lo:hi] of part q."""
    kept = kept[lo * work.width : hi * work.width]
    P, Q = head_parts(net, kept, hi - lo)
    c, share, to_head = work.c[lo:hi], work.share[lo:hi], work.to_head[q]
    return Block(rows[lo:hi], c, factors, len(rows), share, to_head, kept, P, Q)


# --- dense ---


@threaded
def dense_parts(all_X, net, work, rows, factors, w, U, columns, kept):
    """Each thread processes its part of the rows."""
    for q in numba.prange(len(work.G)):
        dense_part(all_X, net, work, rows, factors, w, U, columns, kept, np.int64(q))


@kernel
def dense_part(all_X, net, work, rows, factors, w, U, columns, kept, q):
    """Part q of the rows, block by block: z, the network above it, transposed product."""
    B, parts, N, n1 = len(rows), len(work.G), net.widths[0], net.widths[1]
    C, D = (columns.base + columns.k) * n1, (columns.lead + columns.k) * n1
    G, first, last = work.G[q], B * q // parts, B * (q + 1) // parts
    at_once = n1 == D and first < last  # the first block's product needs no sum
    G[:, n1 * N * at_once :] = 0
    for lo in range(first, last, work.rows):
        m = min(work.rows, last - lo)
        X = block(all_X, work, rows, lo, lo + m, q)
        z, r = work.z[q, : C * m].reshape(C, m), work.r[q, : D * m].reshape(D, m)
        product(work.panel, X.T, z)
        add_offset(z, work.offset)
        about = block_of(net, work, rows, factors, lo, lo + m, kept, q)
        between(net, about, z, r, w, U, columns, G)
        if at_once and lo == first:
            product(r, X, G[0, : n1 * N].reshape(n1, N))
        else:
            product(r, X, work.pulled[q])
            add_first_layer(net, work.pulled[q], G)
        for j in range(len(G)):
            add_bias(net, FIRST_LAYER, r[j * n1 :], G[j])


@viewing
def block(all_X, work, rows, lo, hi, q):
    """X for the examples rows[lo:hi]: a view, or gathered if there are batches."""
    if work.X.shape[1] == 0:
        return all_X[lo:hi]
    X = work.X[q, : hi - lo]
    for i in range(hi - lo):
        for f in range(X.shape[1]):
            X[i, f] = all_X[rows[lo + i], f]
    return X


@compiled
def add_first_layer(net, pulled, G):
    """Add R X to the first layer's part of every row of G; a last column is for the biases."""
    _, last, _ = layer(net, FIRST_LAYER)
    n1, N = net.widths[1], net.widths[0]
    inside = pulled.shape[1] > N
    for j in range(len(G)):
        for o in range(n1):
            from_, to = pulled[j * n1 + o], G[j, o * N : (o + 1) * N]
            for f in range(N):
                to[f] += from_[f]
            if inside:
                G[j, last + o] += from_[N]


# --- sparse ---


@threaded
def sparse_parts(by_row, net, work, rows, factors, w, U, columns, kept):
    """Each thread processes its part of the rows."""
    for q in numba.prange(len(work.G)):
        sparse_part(by_row, net, work, rows, factors, w, U, columns, kept, np.int64(q))


@kernel
def sparse_part(by_row, net, work, rows, factors, w, U, columns, kept, q):
    """Part q of the rows: z = X Vᵀ and the network above it."""
    B, parts = len(rows), len(work.G)
    lo, hi = B * q // parts, B * (q + 1) // parts
    z, r, G = work.z[lo:hi], work.r[lo:hi], work.G[q]
    G[:] = 0
    for i in range(lo, hi):
        times(by_row, rows[i], work.panel, z, i - lo)
    add_offset(z.T, work.offset)
    about = block_of(net, work, rows, factors, lo, hi, kept, q)
    between(net, about, z.T, r.T, w, U, columns, G)


@compiled
def times(matrix, row, panel, out, i):
    """out[i] = Σ_q values[q] panel[indices[q]] over the entries of a row."""
    first, last = matrix.pointers[row], matrix.pointers[row + 1]
    values, indices, at, C = matrix.values, matrix.indices, 0, panel.shape[1]
    while at + WIDE <= C:
        row_times(values, indices, first, last, panel, out, i, at, 16)
        at += WIDE
    if at < C:
        row_times(values, indices, first, last, panel, out, i, at, 8)


@threaded
def gather_parts(by_column, r, pulled, parts):
    """Each thread processes its part of the features."""
    for q in numba.prange(parts):
        gather_part(by_column, r, pulled, np.int64(q), parts)


@kernel
def gather_part(by_column, r, pulled, q, parts):
    """pulled (N, C) = Xᵀ R for part q of the features."""
    N = len(pulled)
    for f in range(N * q // parts, N * (q + 1) // parts):
        times(by_column, f, r, pulled, f)


@kernel
def scatter(by_row, rows, r, pulled):
    """pulled (N, C) = X_tᵀ R for the few rows of a mini-batch, one after the other."""
    pulled[:] = 0
    for i in range(len(rows)):
        for q in range(by_row.pointers[rows[i]], by_row.pointers[rows[i] + 1]):
            x, to = by_row.values[q], pulled[by_row.indices[q]]
            for k in range(r.shape[1]):
                to[k] += x * r[i, k]


@kernel
def add_sparse_first_layer(net, centre, pulled, r, G):
    """Add (Rᵀ X)ᵀ (N, C), less its share of the centre, and the biases' Σ R, to G[0]."""
    n1, N = net.widths[1], net.widths[0]
    for j in range(G.shape[1]):
        g = G[0, j]
        for o in range(n1):
            row = j * n1 + o
            total = 0.0
            for i in range(len(r)):
                total += r[i, row]
            for f in range(N):
                g[o * N + f] += pulled[f, row]
            for f in range(len(centre)):
                g[o * N + f] -= total * centre[f]
        add_bias(net, FIRST_LAYER, r.T[j * n1 :], g)
