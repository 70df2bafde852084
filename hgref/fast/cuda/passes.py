"""∇J_t and its products on the grid: one pass over the data for all columns.

Every thread of the grid runs every function. A phase divides its entries among the threads; a
barrier follows before another thread reads them. Without hidden layers a pass has five phases:
operands, z, means, δ with its tangents, Rᵀ X.
"""

from __future__ import annotations

from numba import cuda

from hgref.fast.cuda.device import barrier, device_function
from hgref.fast.cuda.head import head_places, means, row_at, through_head
from hgref.fast.cuda.layers import layers_between
from hgref.fast.cuda.products import ONE, product

AT_ONCE = 16  # numbers that a thread waits for together


@device_function
def operands(J, lam, work, t, s, now, U, base, k):
    """A phase: w = s[now, -1], the columns U[c, -1], the rows of X and the λ_i/B of step t."""
    p, block = s.shape[2], s.shape[1] - 1
    N, N1, n1 = J.widths[0], J.N1, J.widths[1]
    for e in range(cuda.grid(1), (base + k) * n1 * N1, cuda.gridsize(1)):
        row, f = e // N1, e % N1
        j, o = row // n1, row % n1
        place = o * N + f if f < N else n1 * N + o
        work.panel[e] = s[now, block, place] if j < base else U[j - base, U.shape[1] - 1, place]
    if J.L > 1 or lam.C.shape[0] > 0:
        for e in range(cuda.grid(1), p, cuda.gridsize(1)):
            work.w[e] = s[now, block, e]
        for e in range(cuda.grid(1), k * p, cuda.gridsize(1)):
            work.U[e] = U[e // p, U.shape[1] - 1, e % p]
    if J.batches.shape[0] > 0:
        for e in range(cuda.grid(1), J.B * N1, cuda.gridsize(1)):
            work.X[e] = J.X[J.batches[t - 1, e // N1] * N1 + e % N1]
    for i in range(cuda.grid(1), J.B, cuda.gridsize(1)):
        work.c[i] = lam.examples[row_at(J, t, i)] / J.B


@device_function
def gradient_at(J, work, D, row, p, j):
    """Coordinate j of the data loss's gradient (row 0 where lead = 1) or of a product."""
    n1, N, N1 = J.widths[1], J.widths[0], J.N1
    if j >= n1 * N1:
        return work.upper[row * p + j]
    o, f = (j // N, j % N) if j < n1 * N else (j - n1 * N, N)
    at, size = (row * n1 + o) * N1 + f, D * N1
    parts = work.parts if work.parts > 0 else cuda.gridDim.x
    total, whole = 0.0, parts // AT_ONCE * AT_ONCE
    for q in range(0, whole, AT_ONCE):
        some = 0.0
        for c in range(AT_ONCE):
            some += work.pulled[(q + c) * size + at]
        total += some
    for q in range(whole, parts):
        total += work.pulled[q * size + at]
    return total


@device_function
def linear_between(J, lam, work, tiles, t, base, k, lead, kept, k0, to_factors):
    """Two phases: means; δ and its tangents."""
    if base == 1:
        means(J, work.z, 0, kept, k0)
        barrier()
    P, Q = head_places(J, k0)
    for e in range(cuda.grid(1), (lead + k) * J.B, cuda.gridsize(1)):
        through_head(
            J, lam, work, t, base, e // J.B - lead, lead, kept, P, Q, e % J.B, to_factors
        )  # fmt: skip


def passes(between):
    """`gradients` with `between`, the part between the two products with X: linear or layered.

    A kernel takes as many registers as its worst branch needs, so a linear model's kernel has no
    branch for hidden layers.
    """

    @device_function
    def gradients(J, lam, work, tiles, t, s, now, U, base, k, lead, kept, k0, to_factors):
        """Fill `work`, so that `gradient_at` gives ∇J_t(w) (lead = 1) and H u + M dλ of columns.

        w = s[now, -1], u = U[c, -1] for c < k
        tiles     see `product`
        base      1: compute the predictions and keep them at k0 … of `kept`; 0: they are there
        to_factors   receives the shares of λ_i and ρ
        """
        operands(J, lam, work, t, s, now, U, base, k)
        barrier()
        n1, N1, B = J.widths[1], J.N1, J.B
        C, D = (base + k) * n1, (lead + k) * n1
        X = work.X if J.batches.shape[0] > 0 else J.X
        product(
            tiles, (work.panel, 0, N1, 1), (X, 0, N1, 1), (work.z, 0, B), (C, B, N1), ONE, False
        )
        barrier()
        between(J, lam, work, tiles, t, base, k, lead, kept, k0, to_factors)
        barrier()
        product(
            tiles,
            (work.r, 0, B, 1),
            (X, 0, 1, N1),
            (work.pulled, 0, N1),
            (D, N1, B),
            (work.parts, D * N1),
            False,
        )
        barrier()

    return gradients


linear_gradients, layers_gradients = passes(linear_between), passes(layers_between)
