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
from typing import Any, NamedTuple

from numba import cuda, uint64

from hgref.fast.cuda.device import SIMULATED, THREADS, barrier, device_function
from hgref.fast.cuda.head import cotangent_at, head_places, mean_at, row_at, tangent_at
from hgref.fast.cuda.passes import copy_columns, gathering

FEW = 12  # outputs; a thread has no registers for the sums of many more
# threads of a warp; examples, features of a thread at one time
LANES, EXAMPLES, FEATURES = (4, 2, 2) if SIMULATED else (32, 5, 4)
CHUNK = 4 if SIMULATED else 128  # examples from z to Rᵀ X at one time
TOGETHER = 2  # examples whose features a thread waits for at one time
STREAMED = 3  # features that a thread waits for at one time, where X is not in shared memory
WARPS = THREADS // LANES
SEGMENT = LANES + 1  # of the sums of a warp: no two of them in one bank


class Room(NamedTuple):
    """What a block has in shared memory.

    K         outputs; 0: nothing of this module
    resident  its examples, for the whole launch; no mini-batches
    folded    examples of a warp whose sums are there at one time
    """

    K: int
    resident: bool = False
    folded: int = 1

    @property
    def stride(self) -> int:
        """Distance of the weights of two features: odd, so that they are in different banks."""
        return self.K | 1

    @property
    def beyond(self) -> int:
        """Features beyond the last, with weights 0."""
        return 0 if self.resident else STREAMED * LANES

    @property
    def sums(self) -> int:
        """Numbers of the sums of threads, or of R."""
        return self.K * max(self.folded * WARPS * SEGMENT, CHUNK + TOGETHER)

    def numbers(self, N1: int, examples: int) -> int:
        """All numbers, for a block with so many examples."""
        panel = (N1 + self.beyond) * self.stride
        return examples * N1 * self.resident + panel + self.sums + (3 * self.K + 1) * CHUNK


def rooms(K: int) -> list[Room]:
    """What a block may have, the fastest first."""
    return [Room(K, resident, folded) for resident in (True, False) for folded in (EXAMPLES, 1)]


@functools.lru_cache(maxsize=32)
def owned_gradients(room: Room) -> Any:
    """`gradients` of hgref.fast.cuda.passes for K outputs without hidden layers."""
    K, resident, folded = room
    stride, beyond, ahead = room.stride, room.beyond, 1 if resident else STREAMED
    size_of_sums = room.sums

    @device_function
    def offset(J, t, i, first):
        """Where example i of step t begins in the array of the examples."""
        return uint64((i - first if resident else row_at(J, t, i)) * J.N1)

    @device_function
    def places(J, f):
        """W[o, f] is at first + o step in w; the bias of output o is W[o, N]."""
        N = J.widths[0]
        return (uint64(f), uint64(N)) if f < N else (uint64(K * N), uint64(1))

    @device_function
    def load(J, states, at, memory, panel):
        """The weights states[at, -1], by feature."""
        top, w = states.shape[1] - 1, cuda.local.array((FEATURES, K), memory.dtype)
        for f0 in range(cuda.threadIdx.x, J.N1 + beyond, FEATURES * THREADS):
            for a in range(FEATURES):
                f = f0 + a * THREADS
                first, step = places(J, min(f, J.N1 - 1))
                for o in range(K):
                    x = states[at, top, first + uint64(o) * step]
                    w[a, o] = x if f < J.N1 else 0.0
            for a in range(FEATURES):
                f = f0 + a * THREADS
                if f < J.N1 + beyond:
                    for o in range(K):
                        memory[uint64(panel + f * stride + o)] = w[a, o]

    @device_function
    def fetch(J, lam, t, i0, last, kept, P, memory, mean, y, c):
        """The means (if kept), targets and λ_i/B of the examples i0 …."""
        for e in range(cuda.threadIdx.x, K * CHUNK, THREADS):
            k, i = e // CHUNK, i0 + e % CHUNK
            if i < last:
                row = row_at(J, t, i)
                memory[uint64(y + e)] = J.Y[uint64(k * J.n + row)]
                if P >= 0:
                    memory[uint64(mean + e)] = kept[uint64(P + k * J.B + i)]
                if k == 0:
                    memory[uint64(c + e)] = lam.examples[row] / J.B

    @device_function
    def predict(J, X, t, memory, panel, sums, z, first, i0, last):
        """z[o, i] = Σ_f W[o, f] X[i, f] for the examples i0 …."""
        N1 = J.N1
        mine = cuda.local.array((EXAMPLES, K), memory.dtype)
        x = cuda.local.array((ahead, EXAMPLES), memory.dtype)
        weights = cuda.local.array(K, memory.dtype)
        at = cuda.local.array(EXAMPLES, uint64)
        thread = cuda.threadIdx.x
        lane, warp = thread % LANES, thread // LANES
        for i1 in range(i0, min(i0 + CHUNK, last), WARPS * EXAMPLES):
            for e in range(EXAMPLES):
                # beyond the last example its numbers, which nobody reads
                at[e] = offset(J, t, min(i1 + e * WARPS + warp, last - 1), first)
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
            for e0 in range(0, EXAMPLES, folded):
                for e in range(folded):
                    for o in range(K):
                        place = ((e * K + o) * WARPS + warp) * SEGMENT + lane
                        memory[uint64(sums + place)] = mine[e0 + e, o]
                cuda.syncthreads()
                for q in range(thread, folded * K * WARPS, THREADS):
                    e, o, w = q // (K * WARPS), q // WARPS % K, q % WARPS
                    total = memory[uint64(sums + q * SEGMENT)]
                    for a in range(1, LANES):
                        total += memory[uint64(sums + q * SEGMENT + a)]
                    i = i1 - i0 + (e0 + e) * WARPS + w
                    if i < CHUNK:
                        memory[uint64(z + o * CHUNK + i)] = total
                cuda.syncthreads()

    @device_function
    def pull(J, X, t, memory, R, first, i0, end, pulled, to):
        """pulled[to + …] (+)= Σ_i R[i, o] X[i, f] over i0 … end - 1, as in w; (+) if i0 > first."""
        N1 = J.N1
        mine = cuda.local.array((FEATURES, K), memory.dtype)
        x = cuda.local.array(FEATURES, memory.dtype)
        for f0 in range(cuda.threadIdx.x, N1, FEATURES * THREADS):
            for a in range(FEATURES):
                for o in range(K):
                    mine[a, o] = 0
            for i in range(i0, end, TOGETHER):
                for b in range(TOGETHER):
                    # beyond the last feature its numbers, which nobody reads; beyond the last
                    # example R is 0
                    at = offset(J, t, min(i + b, end - 1), first)
                    for a in range(FEATURES):
                        x[a] = X[at + uint64(min(f0 + a * THREADS, N1 - 1))]
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
        block, blocks, thread = cuda.blockIdx.x, cuda.gridDim.x, cuda.threadIdx.x
        first, last = J.B * block // blocks, J.B * (block + 1) // blocks
        X = memory if resident else J.X
        panel = (last - first) * J.N1 if resident else 0
        sums = panel + (J.N1 + beyond) * stride
        z = sums + size_of_sums
        mean, y, c = z + K * CHUNK, z + 2 * K * CHUNK, z + 3 * K * CHUNK
        P, Q = head_places(J, k0)
        copy_columns(lam, work, U, k)
        for column in range(-base, k):
            if column < 0:
                load(J, s, now, memory, panel)
            else:
                load(J, U, column, memory, panel)
            for i0 in range(first, last, CHUNK):
                end = min(i0 + CHUNK, last)
                fetch(J, lam, t, i0, end, kept, P if column >= 0 else -1, memory, mean, y, c)
                cuda.syncthreads()
                predict(J, X, t, memory, panel, sums, z, first, i0, end)
                for e in range(thread, min(end - i0 + TOGETHER - 1, CHUNK), THREADS):
                    i, out = i0 + e, (memory, sums + e * K, 1)
                    if i >= end:
                        for o in range(K):
                            memory[sums + e * K + o] = 0
                    elif column < 0:
                        far = kept, Q + i, J.B
                        mean_at(J, K, (memory, z + e, CHUNK), (memory, mean + e, CHUNK), far)
                        for o in range(K):
                            kept[P + o * J.B + i] = memory[mean + o * CHUNK + e]
                        cotangent_at(
                            J, K, lam, memory[c + e], (memory, y + e, CHUNK),
                            (memory, mean + e, CHUNK), out,
                        )  # fmt: skip
                    else:
                        tangent_at(
                            J, K, lam, t, i, column, memory[c + e], (memory, y + e, CHUNK),
                            (memory, mean + e, CHUNK), (kept, Q + i, J.B),
                            (memory, z + e, CHUNK), out, to_factors,
                        )  # fmt: skip
                cuda.syncthreads()
                to = (block * (lead + k) + lead + column) * K * J.N1
                pull(J, X, t, memory, sums, first, i0, end, work.pulled, to)
        barrier()
        gather_by_weight(J, work, memory, sums, s.shape[2], lead + k)

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
