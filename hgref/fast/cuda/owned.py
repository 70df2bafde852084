"""∇J_t and its products where each block has examples of its own: linear models of few outputs.

A block computes z, means and δ of its examples and its share of Rᵀ X, and waits for nobody before
that. A column of weights after the other:

    z      a warp goes over the features of some examples; a thread adds up every 32nd feature
    δ      a thread has an example
    Rᵀ X   a thread has some features and goes over the examples

The number of outputs K is known to the compiler, so that a thread's sums are in registers. Indices
are unsigned, because Numba tests signed ones for being negative, and the loops are short.
"""

from __future__ import annotations

import functools
from typing import Any

from numba import cuda, uint64

from hgref.fast.cuda.device import THREADS, barrier, device_function
from hgref.fast.cuda.head import (
    cotangent_at,
    get,
    head_places,
    mean_at,
    put,
    row_at,
    tangent_at,
)
from hgref.fast.cuda.passes import copy_columns, gathering
from hgref.fast.cuda.room import EXAMPLES, FEATURES, GROUP, LANES, SEGMENT, WARPS, Room


@functools.lru_cache(maxsize=32)
def owned_gradients(room: Room) -> Any:
    """`gradients` of hgref.fast.cuda.passes for few outputs, and what a launch begins with."""
    K, classes, held = room
    stride, chunk, size_of_sums = room.stride, room.chunk, room.sums
    ahead, together = room.features, room.examples

    @device_function
    def examples_of_block(J):
        """The first example of this block, and the first of the next block."""
        block, blocks = cuda.blockIdx.x, cuda.gridDim.x
        return J.B * block // blocks, J.B * (block + 1) // blocks

    @device_function
    def begin(J, lam, memory):
        """Copy what stays in the shared memory of this block for the whole launch."""
        first, last = examples_of_block(J)
        if held > 0:
            size = min(last - first, held * WARPS) * J.N1
            for e in range(cuda.threadIdx.x, size, THREADS):
                memory[uint64(e)] = J.X[uint64(first * J.N1 + e)]
            fetch_targets(J, lam, 1, first, last, memory, regions(J, first, last))
            cuda.syncthreads()

    @device_function
    def regions(J, first, last):
        """Where the weights, sums or R, z, means, targets and λ_i/B begin."""
        panel = min(last - first, held * WARPS) * J.N1
        sums = panel + J.N1 * stride
        z = sums + size_of_sums
        return panel, sums, z, z + K * chunk, z + 2 * K * chunk, z + 3 * K * chunk

    @device_function
    def places(J, f):
        """W[o, f] is at first + o step in w; the bias of output o is W[o, N]."""
        N = J.widths[0]
        return (uint64(f), uint64(N)) if f < N else (uint64(K * N), uint64(1))

    @device_function
    def fetch_weights(J, states, at, memory, panel):
        """The weights states[at, -1], by feature."""
        top, w = states.shape[1] - 1, cuda.local.array((FEATURES, K), memory.dtype)
        for f0 in range(cuda.threadIdx.x, J.N1, FEATURES * THREADS):
            for a in range(FEATURES):
                first, step = places(J, min(f0 + a * THREADS, J.N1 - 1))
                for o in range(K):
                    w[a, o] = states[at, top, first + uint64(o) * step]
            for a in range(FEATURES):
                f = f0 + a * THREADS
                if f < J.N1:
                    for o in range(K):
                        memory[uint64(panel + f * stride + o)] = w[a, o]

    @device_function
    def fetch_targets(J, lam, t, i0, end, memory, where):
        """The targets and λ_i/B of the examples i0 … end - 1 of step t."""
        _, _, _, _, y, c = where
        for e in range(cuda.threadIdx.x, K * chunk, THREADS):
            k, i = e // chunk, i0 + e % chunk
            if i < end:
                row = row_at(J, t, i)
                memory[uint64(y + e)] = J.Y[uint64(k * J.n + row)]
                if k == 0:
                    memory[uint64(c + e)] = lam.examples[row] / J.B

    @device_function
    def fetch_means(J, kept, P, i0, end, memory, mean):
        """The means of the examples i0 … end - 1."""
        for e in range(cuda.threadIdx.x, K * chunk, THREADS):
            k, i = e // chunk, i0 + e % chunk
            if i < end:
                memory[uint64(mean + e)] = kept[uint64(P + k * J.B + i)]

    @device_function
    def predict(J, t, memory, where, first, i0, end):
        """z[o, i] = Σ_f W[o, f] X[i, f] for the examples i0 … end - 1."""
        panel, sums, z, _, _, _ = where
        mine = cuda.local.array((EXAMPLES, K), memory.dtype)
        x = cuda.local.array((ahead, EXAMPLES), memory.dtype)
        weights = cuda.local.array(K, memory.dtype)
        at = cuda.local.array(EXAMPLES, uint64)
        thread = cuda.threadIdx.x
        lane, warp = thread % LANES, thread // LANES
        for i1 in range(i0, end, GROUP):
            for e in range(EXAMPLES):
                # beyond the last example its numbers, which nobody reads
                i = min(i1 + e * WARPS + warp, end - 1)
                at[e] = (i - first if e < held else row_at(J, t, i)) * J.N1
                for o in range(K):
                    mine[e, o] = 0
            for f0 in range(lane, J.N1, ahead * LANES):
                for a in range(ahead):
                    f = f0 + a * LANES
                    for e in range(EXAMPLES):
                        place = at[e] + uint64(min(f, J.N1 - 1))
                        here = memory[place] if e < held else J.X[place]
                        x[a, e] = here if ahead == 1 or f < J.N1 else here - here
                for a in range(ahead):
                    row = panel + min(f0 + a * LANES, J.N1 - 1) * stride
                    for o in range(K):
                        weights[o] = memory[uint64(row + o)]
                    for e in range(EXAMPLES):
                        for o in range(K):
                            mine[e, o] += weights[o] * x[a, e]
            for e in range(EXAMPLES):
                for o in range(K):
                    memory[uint64(sums + (o * WARPS + warp) * SEGMENT + lane)] = mine[e, o]
                cuda.syncthreads()
                for q in range(thread, K * WARPS, THREADS):
                    total = memory[uint64(sums + q * SEGMENT)]
                    for a in range(1, LANES):
                        total += memory[uint64(sums + q * SEGMENT + a)]
                    i = i1 - i0 + e * WARPS + q % WARPS
                    memory[uint64(z + q // WARPS * chunk + i)] = total
                cuda.syncthreads()

    @device_function
    def through_head(J, lam, t, column, kept, k0, memory, where, i0, end, to_factors):
        """R[i, o] of the examples i0 … end - 1: δ (column −1) or its tangent; 0 beyond."""
        _, R, z, mean, y, c = where
        P, Q = head_places(J, k0)
        for e in range(cuda.threadIdx.x, end - i0 + together - 1, THREADS):
            i, out = i0 + e, (memory, R + e * K, 1)
            here, there = (memory, z + e, chunk), (memory, mean + e, chunk)
            target, far = (memory, y + e, chunk), (kept, Q + i, J.B)
            if i >= end:
                for o in range(K):
                    put(out, o, 0)
            elif column < 0:
                mean_at(J, K, classes, here, there, far)
                for o in range(K):
                    put((kept, P + i, J.B), o, get(there, o))
                cotangent_at(J, K, classes, lam, memory[uint64(c + e)], target, there, out)
            else:
                tangent_at(
                    J, K, classes, lam, t, i, column, memory[uint64(c + e)], target, there, far,
                    here, out, to_factors,
                )  # fmt: skip

    @device_function
    def pull(J, t, memory, where, first, i0, end, pulled, to):
        """pulled[to + …] (+)= Σ_i R[i, o] X[i, f] over i0 … end - 1, as in w; (+) if i0 > first."""
        N1, R = J.N1, where[1]
        mine = cuda.local.array((FEATURES, K), memory.dtype)
        x = cuda.local.array(FEATURES, memory.dtype)
        for f0 in range(cuda.threadIdx.x, N1, FEATURES * THREADS):
            for a in range(FEATURES):
                for o in range(K):
                    mine[a, o] = 0
            for i in range(i0, end, together):
                for b in range(together):
                    # beyond the last feature its numbers, which nobody reads; beyond the last
                    # example R is 0
                    j = min(i + b, end - 1)
                    here = held == EXAMPLES or j - first < held * WARPS
                    at = uint64((j - first if here else row_at(J, t, j)) * N1)
                    for a in range(FEATURES):
                        place = at + uint64(min(f0 + a * THREADS, N1 - 1))
                        x[a] = memory[place] if here else J.X[place]
                    for o in range(K):
                        r = memory[uint64(R + (i - i0 + b) * K + o)]
                        for a in range(FEATURES):
                            mine[a, o] += r * x[a]
            for a in range(FEATURES):
                f = f0 + a * THREADS
                if f < N1:
                    place, step = places(J, f)
                    for o in range(K):
                        at = uint64(to) + place + uint64(o) * step
                        pulled[at] = mine[a, o] if i0 == first else pulled[at] + mine[a, o]

    @device_function
    def gradients(J, lam, work, memory, t, s, now, U, base, k, lead, kept, k0, to_factors):
        """See `passes`; each block leaves a part of `pulled`."""
        first, last = examples_of_block(J)
        where = regions(J, first, last)
        P, _ = head_places(J, k0)
        copy_columns(work, U, k)
        for column in range(-base, k):
            if column < 0:
                fetch_weights(J, s, now, memory, where[0])
            else:
                fetch_weights(J, U, column, memory, where[0])
            for i0 in range(first, last, chunk):
                end = min(i0 + chunk, last)
                if held == 0:
                    fetch_targets(J, lam, t, i0, end, memory, where)
                if column >= 0:
                    fetch_means(J, kept, P, i0, end, memory, where[3])
                cuda.syncthreads()
                predict(J, t, memory, where, first, i0, end)
                through_head(J, lam, t, column, kept, k0, memory, where, i0, end, to_factors)
                cuda.syncthreads()
                to = (cuda.blockIdx.x * (lead + k) + lead + column) * K * J.N1
                pull(J, t, memory, where, first, i0, end, work.pulled, to)
        barrier()
        gather_by_weight(J, work, memory, where[1], s.shape[2], lead + k)

    return gradients, begin


@device_function
def place_in_weights(J, row, j):
    """Where weight j is in rows as long as w."""
    return row * J.widths[1] * J.N1 + j


gather_by_weight = gathering(place_in_weights)
