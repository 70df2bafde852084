"""∇J_t and its products on the grid: one pass over the data for all columns.

Every thread of the grid runs every function. A phase divides its entries among the threads; a
barrier follows before another thread reads them. Without hidden layers a pass has five phases:
operands, z, means, δ with its tangents, Rᵀ X. Each block has a range of the weights: it gathers the
parts of their sums, and is the only one to read them.
"""

from __future__ import annotations

from typing import Any

from numba import cuda, uint64

from hgref.fast.cuda.device import THREADS, barrier, device_function
from hgref.fast.cuda.head import head_places, means, row_at, through_head
from hgref.fast.cuda.layers import layers_between
from hgref.fast.cuda.products import ONE, product

AT_ONCE = 33  # numbers that a thread waits for together
GATHERERS = 4  # threads that gather the parts of one sum


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
    if J.L > 1:
        for e in range(cuda.grid(1), p, cuda.gridsize(1)):
            work.w[e] = s[now, block, e]
    copy_columns(work, U, k)
    if J.batches.shape[0] > 0:
        for e in range(cuda.grid(1), J.B * N1, cuda.gridsize(1)):
            work.X[e] = J.X[J.batches[t - 1, e // N1] * N1 + e % N1]
    for i in range(cuda.grid(1), J.B, cuda.gridsize(1)):
        work.c[i] = lam.examples[row_at(J, t, i)] / J.B


@device_function
def copy_columns(work, U, k):
    """work.U ← the columns U[c, -1], where others than their block read them."""
    p = U.shape[2]
    if work.U.shape[0] > 0:
        for e in range(cuda.grid(1), k * p, cuda.gridsize(1)):
            work.U[e] = U[e // p, U.shape[1] - 1, e % p]


@device_function
def weights_of_block(p):
    """The first weight of this thread's block, and the first of the next block."""
    return p * cuda.blockIdx.x // cuda.gridDim.x, p * (cuda.blockIdx.x + 1) // cuda.gridDim.x


def gathering(place: Any) -> Any:
    """A function that adds up the parts of `pulled`, where place(J, row, j) is weight j's in each.

    Each of GATHERERS threads adds up some parts in their order; the first adds up their sums.
    """
    abreast = THREADS // GATHERERS

    @device_function
    def gather(J, work, memory, sums, p, rows):
        """work.products[row·p + j] ← the sum of all parts, for the block's weights of layer 1.

        sums   where memory is free for a number of each thread
        """
        thread, parts = cuda.threadIdx.x, work.parts if work.parts > 0 else cuda.gridDim.x
        mine, who, size = thread % abreast, thread // abreast, rows * J.widths[1] * J.N1
        a, b = parts * who // GATHERERS, parts * (who + 1) // GATHERERS
        total = cuda.local.array(1, memory.dtype)
        part = cuda.local.array(AT_ONCE, memory.dtype)
        first, last = weights_of_block(p)
        last = min(last, J.widths[1] * J.N1)  # products with higher layers are complete
        for row in range(rows):
            for j0 in range(first, last, abreast):
                j = j0 + mine
                total[0] = 0
                if j < last:
                    at = place(J, row, j)
                    for q in range(a, b, AT_ONCE):
                        for c in range(AT_ONCE):
                            part[c] = work.pulled[uint64(min(q + c, b - 1) * size + at)]
                        for c in range(AT_ONCE):
                            if q + c < b:
                                total[0] += part[c]
                memory[sums + thread] = total[0]
                cuda.syncthreads()
                if j < last and who == 0:
                    for c in range(1, GATHERERS):
                        total[0] += memory[sums + mine + c * abreast]
                    work.products[row * p + j] = total[0]
                cuda.syncthreads()

    return gather


@device_function
def place_by_output(J, row, j):
    """Where weight j is in rows of outputs with their bias last."""
    n1, N = J.widths[1], J.widths[0]
    o, f = (j // N, j % N) if j < n1 * N else (j - n1 * N, N)
    return (row * n1 + o) * J.N1 + f


gather_by_output = gathering(place_by_output)


@device_function
def linear_between(J, lam, work, memory, t, base, k, lead, kept, k0, to_factors):
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
    def gradients(J, lam, work, memory, t, s, now, U, base, k, lead, kept, k0, to_factors):
        """work.products ← ∇J_t(w) (lead = 1), then H u + M dλ of columns; each block its weights.

        w = s[now, -1], u = U[c, -1] for c < k
        memory    shared memory of the block
        base      1: compute the predictions and keep them at k0 … of `kept`; 0: they are there
        to_factors   receives the shares of λ_i and ρ
        """
        operands(J, lam, work, t, s, now, U, base, k)
        barrier()
        n1, N1, B = J.widths[1], J.N1, J.B
        C, D = (base + k) * n1, (lead + k) * n1
        X = work.X if J.batches.shape[0] > 0 else J.X
        product(
            memory, (work.panel, 0, N1, 1), (X, 0, N1, 1), (work.z, 0, B), (C, B, N1), ONE, False
        )
        barrier()
        between(J, lam, work, memory, t, base, k, lead, kept, k0, to_factors)
        barrier()
        product(
            memory,
            (work.r, 0, B, 1),
            (X, 0, 1, N1),
            (work.pulled, 0, N1),
            (D, N1, B),
            (work.parts, D * N1),
            False,
        )
        barrier()
        gather_by_output(J, work, memory, 0, s.shape[2], lead + k)

    return gradients


linear_gradients, layers_gradients = passes(linear_between), passes(layers_between)
