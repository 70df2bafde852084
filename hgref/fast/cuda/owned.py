"""∇J_t and its products where each block has examples of its own: linear models of few outputs.

A block computes z, means and δ of its examples and its share of Rᵀ X, and waits for nobody: the
grid has two barriers in a pass, before it (the operands) and after it (the shares).

    z      a warp goes over the features of some examples; a tile of W is in shared memory
    Rᵀ X   a thread has some features; R of the block's examples is in shared memory

The number of outputs K is known to the compiler, so that a thread's sums are in registers.
Traffic of a pass: X twice; W once and its share of Rᵀ X, K N₁ numbers each, for every block.
"""

from __future__ import annotations

import functools
from typing import Any

from numba import cuda

from hgref.fast.cuda.device import SIMULATED, THREADS, barrier, device_function
from hgref.fast.cuda.head import head_places, mean_at, through_head
from hgref.fast.cuda.passes import operands

FEW = 12  # outputs; twice as many would not fit in the shared memory of a block in float64
# threads of a warp; those whose sums are added in a second step; examples, features of a thread at
# one time: sums of each and of each output are in registers
LANES, SPAN, EXAMPLES, FEATURES = (4, 2, 2, 2) if SIMULATED else (32, 8, 5, 4)
DEEP = 4 if SIMULATED else 128  # features of a tile of W, examples of a tile of R
TOGETHER = 2 if SIMULATED else 4  # examples whose numbers a thread waits for at one time
WARPS = THREADS // LANES


def tile_shapes(K: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Shared memory of a kernel: a tile of W or R, and a sum of each thread for each output."""
    return (K, DEEP), (K, THREADS)


@functools.lru_cache(maxsize=16)
def owned_gradients(K: int) -> Any:
    """`gradients` of hgref.fast.cuda.passes for K outputs without hidden layers."""

    @device_function
    def load(tile, source, first, stride, width):
        """tile[o, d] ← source[first + o·stride + d] for d < width, and 0 beyond."""
        for e in range(cuda.threadIdx.x, K * DEEP, THREADS):
            o, d = e // DEEP, e % DEEP
            tile[o, d] = 0
            if d < width:
                tile[o, d] = source[first + o * stride + d]

    @device_function
    def predict(J, X, work, tiles, first, last, row):
        """z[row + o, i] = Σ_f W[row + o, f] X[i, f] for the examples first … last - 1."""
        (W, parts), N1, B = tiles, J.N1, J.B
        sums = cuda.local.array((EXAMPLES, K), X.dtype)
        thread = cuda.threadIdx.x
        lane, warp = thread % LANES, thread // LANES
        for i0 in range(first, last, WARPS * EXAMPLES):
            for e in range(EXAMPLES):
                for o in range(K):
                    sums[e, o] = 0
            for f0 in range(0, N1, DEEP):
                load(W, work.panel, row * N1 + f0, N1, min(DEEP, N1 - f0))
                cuda.syncthreads()
                for g in range(DEEP // LANES):
                    f = g * LANES + lane
                    for e in range(EXAMPLES):
                        # beyond the last example its numbers, which nobody reads; beyond the last
                        # feature W is 0
                        i = min(i0 + e * WARPS + warp, last - 1)
                        x = X[i * N1 + min(f0 + f, N1 - 1)]
                        for o in range(K):
                            sums[e, o] += W[o, f] * x
                cuda.syncthreads()
            for e in range(EXAMPLES):
                for o in range(K):
                    parts[o, thread] = sums[e, o]
                cuda.syncthreads()
                for q in range(thread, K * WARPS * SPAN, THREADS):
                    o, w, a = q // (WARPS * SPAN), q // SPAN % WARPS, q % SPAN
                    fold(parts, o, w * LANES + a, SPAN, LANES)
                cuda.syncthreads()
                for q in range(thread, K * WARPS, THREADS):
                    o, w = q // WARPS, q % WARPS
                    fold(parts, o, w * LANES, 1, SPAN)
                    i = i0 + e * WARPS + w
                    if i < last:
                        work.z[(row + o) * B + i] = parts[o, w * LANES]
                cuda.syncthreads()

    @device_function
    def pull(J, X, work, tiles, first, last, row, D):
        """The share of the examples first … last - 1 in rows row … row + K - 1 of Rᵀ X."""
        R, N1, B = tiles[0], J.N1, J.B
        sums = cuda.local.array((FEATURES, K), X.dtype)
        thread = cuda.threadIdx.x
        for f0 in range(thread, N1 + thread, FEATURES * THREADS):
            for a in range(FEATURES):
                for o in range(K):
                    sums[a, o] = 0
            for i0 in range(first, last, DEEP):
                count = min(DEEP, last - i0)
                load(R, work.r, row * B + i0, B, count)
                cuda.syncthreads()
                for i in range(0, count, TOGETHER):
                    for b in range(TOGETHER):
                        for a in range(FEATURES):
                            # beyond the last feature its numbers, which nobody reads; beyond the
                            # last example R is 0
                            at = min(i0 + i + b, last - 1) * N1
                            x = X[at + min(f0 + a * THREADS, N1 - 1)]
                            for o in range(K):
                                sums[a, o] += R[o, i + b] * x
                cuda.syncthreads()
            for a in range(FEATURES):
                f = f0 + a * THREADS
                if f < N1:
                    for o in range(K):
                        work.pulled[(cuda.blockIdx.x * D + row + o) * N1 + f] = sums[a, o]

    @device_function
    def gradients(J, lam, work, tiles, t, s, now, U, base, k, lead, kept, k0, to_factors):
        """See `passes`; each block leaves a part of `pulled`."""
        operands(J, lam, work, t, s, now, U, base, k)
        barrier()
        block, blocks, thread = cuda.blockIdx.x, cuda.gridDim.x, cuda.threadIdx.x
        first, last = J.B * block // blocks, J.B * (block + 1) // blocks
        X = work.X if J.batches.shape[0] > 0 else J.X
        for j in range(base + k):
            predict(J, X, work, tiles, first, last, j * K)
        P, Q = head_places(J, k0)
        if base == 1:
            for i in range(first + thread, last, THREADS):
                mean_at(J, work.z, 0, kept, P, Q, i)
            cuda.syncthreads()
        for e in range(thread, (lead + k) * (last - first), THREADS):
            row, i = e // (last - first), first + e % (last - first)
            through_head(J, lam, work, t, base, row - lead, lead, kept, P, Q, i, to_factors)
        cuda.syncthreads()
        for row in range(lead + k):
            pull(J, X, work, tiles, first, last, row * K, (lead + k) * K)
        barrier()

    return gradients


@device_function
def fold(parts, o, at, step, end):
    """parts[o, at] ← the sum of parts[o, at + a], a = 0, step, … below end."""
    total = parts[o, at]
    for a in range(step, end, step):
        total += parts[o, at + a]
    parts[o, at] = total
