"""∇J_t and its products where each block has examples of its own: linear models of few outputs.

A block computes z, means and δ of its examples and its share of Rᵀ X, and waits for nobody before
that. Its shared memory has the examples (if all blocks together have room for all of them), then
the weights of one column, then sums and R.

    z      a warp goes over the features of some examples; a thread adds up every 32nd feature
    Rᵀ X   a thread has some features and goes over the examples

The number of outputs K is known to the compiler, so that a thread's sums are in registers. Indices
are unsigned, because Numba tests signed ones for being negative, and the loops are short.
"""

from __future__ import annotations

import functools
from typing import Any

from numba import cuda, uint64

from hgref.fast.cuda.arrays import Objective
from hgref.fast.cuda.device import SIMULATED, THREADS, barrier, device_function
from hgref.fast.cuda.head import head_places, mean_at, row_at, through_head
from hgref.fast.cuda.passes import copy_columns, factors_of_examples, gathering

FEW = 12  # outputs; a thread has no registers for the sums of many more
# threads of a warp; examples, features of a thread at one time
LANES, EXAMPLES, FEATURES = (4, 2, 2) if SIMULATED else (32, 5, 4)
DEEP = 4 if SIMULATED else 128  # examples whose rows of R are in shared memory at one time
TOGETHER = 2  # examples whose numbers a thread waits for at one time
FOLDED = 1  # examples whose sums are in shared memory at one time
STREAMED = 3  # features that a thread waits for at one time, where X is not in shared memory
WARPS = THREADS // LANES
SEGMENT = LANES + 1  # of the sums of a warp: no two of them in one bank


def numbers_shared(J: Objective, K: int, examples: int) -> int:
    """Numbers in the shared memory of a block that keeps so many examples."""
    panel = (J.N1 + padding(examples > 0)) * stride_of(K)
    return examples * J.N1 + panel + K * max(FOLDED * WARPS * SEGMENT, DEEP + TOGETHER)


def padding(resident: bool) -> int:
    """Features beyond the last, whose weights are 0, in the memory of the weights."""
    return 0 if resident else STREAMED * LANES


def stride_of(K: int) -> int:
    """Distance of the weights of two features: odd, so that they are in different banks."""
    return K | 1


@functools.lru_cache(maxsize=32)
def owned_gradients(K: int, resident: bool) -> Any:
    """`gradients` of hgref.fast.cuda.passes for K outputs without hidden layers.

    resident   the examples stay in shared memory, where the kernel has put them; no mini-batches
    """
    stride, ahead = stride_of(K), 1 if resident else STREAMED
    beyond = padding(resident)

    @device_function
    def places(J, f):
        """W[o, f] is at first + o step in w; the bias of output o is W[o, N]."""
        N = J.widths[0]
        return (uint64(f), uint64(N)) if f < N else (uint64(K * N), uint64(1))

    @device_function
    def offset(J, t, i, first):
        """Where example i of step t begins in the array of the examples."""
        return (i - first if resident else row_at(J, t, i)) * J.N1

    @device_function
    def load(J, states, at, memory, panel):
        """The weights states[at, -1], by feature."""
        top = states.shape[1] - 1
        for f in range(cuda.threadIdx.x, J.N1 + beyond, THREADS):
            first, step = places(J, f)
            for o in range(K):
                to = uint64(panel + f * stride + o)
                memory[to] = 0
                if f < J.N1:
                    memory[to] = states[at, top, first + uint64(o) * step]

    @device_function
    def predict(J, X, t, memory, panel, first, last, z, z0):
        """z[z0 + o B + i] = Σ_f W[o, f] X[i, f] for the examples first … last - 1."""
        N1, sums = J.N1, panel + (J.N1 + beyond) * stride
        mine = cuda.local.array((EXAMPLES, K), memory.dtype)
        x = cuda.local.array((ahead, EXAMPLES), memory.dtype)
        weights = cuda.local.array(K, memory.dtype)
        at = cuda.local.array(EXAMPLES, uint64)
        thread = cuda.threadIdx.x
        lane, warp = thread % LANES, thread // LANES
        for i0 in range(first, last, WARPS * EXAMPLES):
            for e in range(EXAMPLES):
                # beyond the last example its numbers, which nobody reads
                at[e] = offset(J, t, min(i0 + e * WARPS + warp, last - 1), first)
                for o in range(K):
                    mine[e, o] = 0
            for f0 in range(lane, N1, ahead * LANES):
                for a in range(ahead):
                    f = uint64(min(f0 + a * LANES, N1 - 1))  # beyond the last one W is 0
                    for e in range(EXAMPLES):
                        x[a, e] = X[at[e] + f]
                for a in range(ahead):
                    for o in range(K):
                        weights[o] = memory[uint64(panel + (f0 + a * LANES) * stride + o)]
                    for e in range(EXAMPLES):
                        for o in range(K):
                            mine[e, o] += weights[o] * x[a, e]
            for e0 in range(0, EXAMPLES, FOLDED):
                for e in range(FOLDED):
                    for o in range(K):
                        place = ((e * K + o) * WARPS + warp) * SEGMENT + lane
                        if e0 + e < EXAMPLES:
                            memory[uint64(sums + place)] = mine[e0 + e, o]
                cuda.syncthreads()
                for q in range(thread, FOLDED * K * WARPS, THREADS):
                    e, o, w = q // (K * WARPS), q // WARPS % K, q % WARPS
                    total = memory[uint64(sums + q * SEGMENT)]
                    for a in range(1, LANES):
                        total += memory[uint64(sums + q * SEGMENT + a)]
                    i = i0 + (e0 + e) * WARPS + w
                    if e0 + e < EXAMPLES and i < last:
                        z[z0 + o * J.B + i] = total
                cuda.syncthreads()

    @device_function
    def pull(J, X, t, memory, panel, first, last, r, r0, pulled, to):
        """pulled[to + …] = Σ_i R[o, i] X[i, f] over the examples first … last - 1, as in w."""
        N1, R = J.N1, panel + (J.N1 + beyond) * stride
        mine = cuda.local.array((FEATURES, K), memory.dtype)
        x = cuda.local.array(FEATURES, memory.dtype)
        thread = cuda.threadIdx.x
        for f0 in range(thread, N1 + thread, FEATURES * THREADS):
            for a in range(FEATURES):
                for o in range(K):
                    mine[a, o] = 0
            for i0 in range(first, last, DEEP):
                for i in range(thread, min(DEEP, last - i0 + TOGETHER - 1), THREADS):
                    for o in range(K):
                        memory[uint64(R + i * K + o)] = 0
                        if i0 + i < last:
                            memory[uint64(R + i * K + o)] = r[uint64(r0 + o * J.B + i0 + i)]
                cuda.syncthreads()
                for i in range(i0, min(i0 + DEEP, last), TOGETHER):
                    for b in range(TOGETHER):
                        # beyond the last feature its numbers, which nobody reads; beyond the last
                        # example R is 0
                        at = uint64(offset(J, t, min(i + b, last - 1), first))
                        for a in range(FEATURES):
                            x[a] = X[at + uint64(min(f0 + a * THREADS, N1 - 1))]
                        for o in range(K):
                            ro = memory[uint64(R + (i - i0 + b) * K + o)]
                            for a in range(FEATURES):
                                mine[a, o] += ro * x[a]
                cuda.syncthreads()
            for a in range(FEATURES):
                f = f0 + a * THREADS
                if f < N1:
                    at, step = places(J, f)
                    for o in range(K):
                        pulled[uint64(to) + at + uint64(o) * step] = mine[a, o]

    @device_function
    def gradients(J, lam, work, memory, t, s, now, U, base, k, lead, kept, k0, to_factors):
        """See `passes`; each block leaves a part of `pulled`."""
        block, blocks, thread = cuda.blockIdx.x, cuda.gridDim.x, cuda.threadIdx.x
        first, last = J.B * block // blocks, J.B * (block + 1) // blocks
        X = memory if resident else J.X
        panel = (last - first) * J.N1 if resident else 0
        copy_columns(lam, work, U, k)
        factors_of_examples(J, lam, work, t, first + thread, last, THREADS)
        for c in range(-base, k):
            if c < 0:
                load(J, s, now, memory, panel)
            else:
                load(J, U, c, memory, panel)
            cuda.syncthreads()
            predict(J, X, t, memory, panel, first, last, work.z, (base + c) * K * J.B)
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
            to = (block * (lead + k) + row) * K * J.N1
            pull(J, X, t, memory, panel, first, last, work.r, row * K * J.B, work.pulled, to)
        barrier()
        gather_by_weight(J, work, memory, panel + (J.N1 + beyond) * stride, s.shape[2], lead + k)

    return gradients


@device_function
def place_in_weights(J, row, j):
    """Where weight j is in rows as long as w."""
    return row * J.widths[1] * J.N1 + j


gather_by_weight = gathering(place_in_weights)


@device_function
def keep_examples(J, memory):
    """Copy the examples of this block to its shared memory, for the whole launch."""
    block, blocks = cuda.blockIdx.x, cuda.gridDim.x
    first, last = J.B * block // blocks, J.B * (block + 1) // blocks
    for e in range(cuda.threadIdx.x, (last - first) * J.N1, THREADS):
        memory[e] = J.X[first * J.N1 + e]
    cuda.syncthreads()
