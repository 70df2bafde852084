"""The recursions as kernels: s_t, α_t backwards, Z_t forwards; many steps in one launch.

| kernel   | readable twin             | variants                                             |
|----------|---------------------------|------------------------------------------------------|
| run      | problem.states            | each dynamics; few outputs, linear, layered; float32, |
| back     | hypergradient/reverse.py  | float64                                              |
| tangents | hypergradient/forward.py  |                                                      |

A step of hyper-cleaning takes a GPU some tens of microseconds, a launch from Python about ten. So a
launch runs many steps: the grid is as large as fits on the device at one time, and its threads wait
for each other at barriers between the phases of a step (a cooperative launch). All arrays stay on
the device.

Hyper-cleaning (n = 5000, N₁ = 785, K = 10; GD) on an H100, where `run` and `back` give each of 132
blocks 38 examples (owned.py), takes 21 µs a step forwards and 25 backwards in float32, with X in
shared memory; 36 and 43 in float64, with X of 16 examples a block there (figures/gpu.json). Where
the time goes in `run` in float32, by the profiler's samples:

    z                 26 %: 50 multiplications in 88 instructions; the sums of warps
    Rᵀ X              24 %: 80 multiplications in 146 instructions
    weights           11 %: fetched by every block
    parts             15 %: written by every block, gathered by the blocks of their weights
    means, δ           5 %: a thread has an example
    barriers of the grid, the law, and what is between: the rest

    registers         168 (run) and 254 (back), no spills: one block of 256 threads a multiprocessor
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from numba import cuda, float64

from hgref import laws
from hgref.dynamics.coordinatewise import Law
from hgref.fast.cuda.arrays import ToFactors
from hgref.fast.cuda.coupling import (
    is_coupled,
    relation_cotangent,
    relation_gradient,
    relation_shares,
    relation_tangent,
)
from hgref.fast.cuda.device import THREADS, barrier, device_function
from hgref.fast.cuda.loops import functions_of
from hgref.fast.cuda.owned import owned_gradients
from hgref.fast.cuda.passes import layers_gradients, linear_gradients, weights_of_block
from hgref.fast.cuda.room import Room
from hgref.fast.loops import numbers_of

l2_grad, l2_jvp, l2_vjp = map(device_function, (laws.l2_grad, laws.l2_jvp, laws.l2_vjp))

FINE, DIVERGED, COLUMN_DIVERGED = 0, 1, 2


class Recursions(NamedTuple):
    """The three kernels of one dynamics."""

    run: Any
    back: Any
    tangents: Any


@device_function
def training_gradient(lam, work, s, now, j):
    """Coordinate j of ∇J_t(w), penalties included, at w = s[now, -1]."""
    g = 1.0 * work.products[j]
    w = s[now, s.shape[1] - 1, j]
    for a in range(lam.l2.shape[0]):
        g += l2_grad(lam.l2[a, j], w)
    if is_coupled(lam, j):
        g += relation_gradient(lam, s, now, j)
    return g


@device_function
def finite(s, now, j):
    """Whether coordinate j of the state s[now] is finite."""
    good = True
    for block in range(s.shape[1]):
        good &= abs(s[now, block, j]) < math.inf
    return good


@device_function
def block_sum(mine, scratch, sums, place):
    """sums[place] ← the sum of `mine` over the threads of the block."""
    thread = cuda.threadIdx.x
    scratch[thread] = mine
    cuda.syncthreads()
    width = THREADS // 2
    while width > 0:
        if thread < width:
            scratch[thread] += scratch[thread + width]
        cuda.syncthreads()
        width //= 2
    if thread == 0:
        sums[place] = scratch[0]
    cuda.syncthreads()


@device_function
def nothing(work):
    """No shares requested."""
    return ToFactors(work.ones[:0], work.ones[:0])


@device_function
def nothing_to_begin(J, lam, memory):
    """Products keep nothing in shared memory."""


@functools.lru_cache(maxsize=64)
def recursions(law: Law, state: tuple[str, ...], layered: bool, room: Room) -> Recursions:
    """The kernels of a dynamics, for linear models or for networks with hidden layers.

    room   for the examples of each block, if it has some of its own
    """
    tiled = layers_gradients if layered else linear_gradients
    gradients, begin_launch = owned_gradients(room) if room.K else (tiled, nothing_to_begin)
    step, jvp, vjp, _ = functions_of(law, state)
    R = len(numbers_of(law, state))
    sums_size = max(R, 1)  # an array has at least one entry

    @cuda.jit
    def run(J, lam, opt, work, s, first, last, tape, kept, kept_size, state):
        """s[t % 2] ← s_t from s[(first - 1) % 2], t = first … last.

        s      (2, blocks, p);  tape (steps or 1, p) gets g_t;  kept (steps or 1)·kept_size
        state  (2,) receives what went wrong, and when
        """
        memory = cuda.shared.array(0, kept.dtype)
        begin_launch(J, lam, memory)
        p = s.shape[2]
        begin, end = weights_of_block(p)
        for t in range(first, last + 1):
            old, new, row = (t - 1) % 2, t % 2, t - first
            k0 = row * kept_size if kept.shape[0] > kept_size else 0
            gradients(J, lam, work, memory, t, s, old, s, 1, 0, 1, kept, k0, nothing(work))
            for j in range(begin + cuda.threadIdx.x, end, THREADS):
                g = training_gradient(lam, work, s, old, j)
                tape[min(row, tape.shape[0] - 1), j] = g
                step(opt, t, s, old, new, j, tape[min(row, tape.shape[0] - 1), j])
                if not finite(s, new, j):
                    state[0], state[1] = DIVERGED, t
            barrier()
            if state[0] != FINE:
                break

    @cuda.jit
    def back(
        J, lam, opt, work, states, first, last, tape, kept, kept_size, alpha, u, b_numbers,
        to_factors, b_relations, b_l2, state,
    ):  # fmt: skip
        """α ← α_{first-1} from α_last: eq. (8); adds the shares of eq. (10) to b_….

        states  (≥ steps + 1, blocks, p), states[0] is s_{first-1}; the others are recomputed
        u       (2, 1, p) scratch, by the parity of t
        """
        memory = cuda.shared.array(0, kept.dtype)
        scratch = cuda.shared.array(THREADS, float64)
        sums = cuda.local.array(sums_size, float64)
        p, top, block = alpha.shape[1], alpha.shape[0] - 1, cuda.blockIdx.x
        begin, end = weights_of_block(p)
        begin += cuda.threadIdx.x
        begin_launch(J, lam, memory)
        for j in range(begin, end, THREADS):
            for t in range(first, last):
                step(opt, t, states, t - first, t - first + 1, j, tape[t - first, j])
        for t in range(last, first - 1, -1):
            row, v = t - first, u[t % 2 : t % 2 + 1]
            for r in range(R):
                sums[r] = 0
            for j in range(begin, end, THREADS):
                v[0, 0, j] = vjp(opt, t, states, row, j, tape[row, j], alpha, sums)
            for r in range(R):
                block_sum(sums[r], scratch, work.sums, block * R + r)
            barrier()
            if state[0] != FINE:
                break
            for r in range(block, R, cuda.gridDim.x):
                mine = 0.0
                for q in range(cuda.threadIdx.x, cuda.gridDim.x, THREADS):
                    mine += work.sums[q * R + r]
                block_sum(mine, scratch, b_numbers[t - 1], r)
            gradients(
                J, lam, work, memory, t, states, row, v, 0, 1, 0, kept, row * kept_size, to_factors
            )  # fmt: skip
            relation_shares(lam, states, row, v, b_relations)
            for j in range(begin, end, THREADS):
                alpha[top, j] += work.products[j]
                for a in range(lam.l2.shape[0]):
                    to_w, to_l2 = l2_vjp(lam.l2[a, j], states[row, top, j], v[0, 0, j])
                    alpha[top, j] += to_w
                    b_l2[a, j] += to_l2
                if is_coupled(lam, j):
                    alpha[top, j] += relation_cotangent(lam, states, row, v, j)
                for each in range(alpha.shape[0]):
                    if not abs(alpha[each, j]) < math.inf:
                        state[0], state[1] = DIVERGED, t

    @cuda.jit
    def tangents(J, lam, opt, work, s, Z, first, last, kept, state):
        """s, Z ← s_last, Z_last: eq. (14);  s (2, blocks, p), Z (k, blocks, p)."""
        memory = cuda.shared.array(0, kept.dtype)
        k, p, top = Z.shape[0], s.shape[2], s.shape[1] - 1
        begin, end = weights_of_block(p)
        begin_launch(J, lam, memory)
        for t in range(first, last + 1):
            old, new = (t - 1) % 2, t % 2
            gradients(J, lam, work, memory, t, s, old, Z, 1, k, 1, kept, 0, nothing(work))
            for e in range(cuda.threadIdx.x, (1 + k) * (end - begin), THREADS):
                c, j = e // (end - begin) - 1, begin + e % (end - begin)
                g = training_gradient(lam, work, s, old, j)
                if c < 0:
                    step(opt, t, s, old, new, j, g)
                    if not finite(s, new, j):
                        state[0], state[1] = DIVERGED, t
                else:
                    dg = 1.0 * work.products[(1 + c) * p + j]
                    for a in range(lam.l2.shape[0]):
                        dl2 = 1.0 * (lam.l2_columns[a, j] == c)
                        dg += l2_jvp(lam.l2[a, j], s[old, top, j], Z[c, top, j], dl2)
                    if is_coupled(lam, j):
                        dg += relation_tangent(lam, s, old, work.U, c * p, c, j)
                    jvp(opt, t, s, old, c, j, g, Z, dg)
                    if not finite(Z, c, j) and state[0] == FINE:
                        state[0], state[1] = COLUMN_DIVERGED, t
            barrier()
            if state[0] != FINE:
                break

    return Recursions(run, back, tangents)
