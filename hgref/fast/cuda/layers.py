"""Hidden layers on the grid: up, down, and Pearlmutter's R-operator along each column.

Twin of hgref.objectives.activations and mlp: the formulas there hold here. A mini-batch is small,
so each product of a layer is a phase of its own.
"""

from __future__ import annotations

import math

from numba import cuda

from hgref import laws
from hgref.fast.cuda.arrays import SOFTPLUS, TANH
from hgref.fast.cuda.device import barrier, device_function
from hgref.fast.cuda.head import head_cotangent, head_places, head_tangent, means
from hgref.fast.cuda.products import ONE, product

tanh_slope, tanh_bend = device_function(laws.tanh_slope), device_function(laws.tanh_bend)
softplus_slope, softplus_bend = map(device_function, (laws.softplus_slope, laws.softplus_bend))
relu, relu_slope = device_function(laws.relu), device_function(laws.relu_slope)
hidden_jvp, hidden_vjp, hidden_vjp_jvp = map(
    device_function, (laws.hidden_jvp, laws.hidden_vjp, laws.hidden_vjp_jvp)
)


@device_function
def hidden_place(J, k0, ell, which):
    """Where (n_ℓ, B) numbers of a hidden layer begin: which = 0 for h, 1 for x, 2 for b_h."""
    return k0 + J.B * (3 * J.at[ell] + which * J.widths[ell])


@device_function
def bias_of(J, ell, w, w0, u):
    """The bias of unit u in layer ℓ ≥ 2 of a flat w."""
    if J.bias == 0:
        return 0 * w[w0]
    return w[w0 + J.first[ell] + J.widths[ell] * J.widths[ell - 1] + u]


@device_function
def activate(J, kept, h, x, e, z):
    """h = a(z), and the x that a' and a'' need besides h, at entry e."""
    if J.activation == TANH:
        kept[x + e], kept[h + e] = z, math.tanh(z)
    elif J.activation == SOFTPLUS:
        small = math.exp(-abs(z))
        kept[h + e] = max(z, 0 * z) + math.log1p(small)
        kept[x + e] = (1 if z > 0 else small) / (1 + small)
    else:
        kept[x + e], kept[h + e] = z, relu(z)


@device_function
def slope(J, h, x):
    """a'(z): x is σ(z) for SOFTPLUS, else z."""
    if J.activation == TANH:
        return tanh_slope(h)
    return softplus_slope(x) if J.activation == SOFTPLUS else 1.0 * relu_slope(x)


@device_function
def bend(J, h, x):
    """a''(z)."""
    if J.activation == TANH:
        return tanh_bend(h)
    return softplus_bend(x, 1 - x) if J.activation == SOFTPLUS else 0 * h


@device_function
def layers_between(J, lam, work, memory, t, base, k, lead, kept, k0, to_factors):
    """Up, down, and both again for each column."""
    n1, B = J.widths[1], J.B
    if base == 1:
        upwards(J, work, memory, kept, k0)
    downwards(J, lam, work, memory, t, base, lead, kept, k0)
    if lead == 1:
        for e in range(cuda.grid(1), n1 * B, cuda.gridsize(1)):
            work.r[e] = work.deltas[e]
    for j in range(k):
        tangent_between(J, lam, work, memory, t, base, lead, j, kept, k0, to_factors)


@device_function
def upwards(J, work, memory, kept, k0):
    """h of every hidden layer and P, from the first layer's sums."""
    B = J.B
    h, x = hidden_place(J, k0, 1, 0), hidden_place(J, k0, 1, 1)
    for e in range(cuda.grid(1), J.widths[1] * B, cuda.gridsize(1)):
        activate(J, kept, h, x, e, work.z[e])
    barrier()
    for ell in range(2, J.L + 1):
        n, below = J.widths[ell], J.widths[ell - 1]
        h = hidden_place(J, k0, ell - 1, 0)
        product(
            memory,
            (work.w, J.first[ell], below, 1),
            (kept, h, 1, B),
            (work.above, 0, B),
            (n, B, below),
            ONE,
            False,
        )
        barrier()
        if ell < J.L:
            h, x = hidden_place(J, k0, ell, 0), hidden_place(J, k0, ell, 1)
        for e in range(cuda.grid(1), n * B, cuda.gridsize(1)):
            z = work.above[e] + bias_of(J, ell, work.w, 0, e // B)
            if ell < J.L:
                activate(J, kept, h, x, e, z)
            else:
                work.above[e] = z
        barrier()
    means(J, work.above, 0, kept, k0)
    barrier()


@device_function
def add_layer(J, work, memory, row, ell, delta, h, kept, p, add):
    """A phase: W_ℓ's and b_ℓ's part of a gradient: δ hᵀ and Σ_i δ_i."""
    n, below, B = J.widths[ell], J.widths[ell - 1], J.B
    o0, d0 = row * p + J.first[ell], B * J.at[ell]
    product(
        memory,
        (delta, d0, B, 1),
        (kept, h, B, 1),
        (work.products, o0, below),
        (n, below, B),
        ONE,
        add,
    )
    if J.bias == 1 and not add:
        product(
            memory,
            (delta, d0, B, 1),
            (work.ones, 0, B, 1),
            (work.products, o0 + n * below, 1),
            (n, 1, B),
            ONE,
            False,
        )


@device_function
def downwards(J, lam, work, memory, t, base, lead, kept, k0):
    """δ of every layer; gradients of the layers above the first where lead = 1."""
    B, p = J.B, work.w.shape[0]
    P, _ = head_places(J, k0)
    for i in range(cuda.grid(1), B, cuda.gridsize(1)):
        head_cotangent(J, lam, work, t, kept, P, i, work.deltas, B * J.at[J.L])
    barrier()
    for ell in range(J.L, 1, -1):
        n, below = J.widths[ell], J.widths[ell - 1]
        h, x = hidden_place(J, k0, ell - 1, 0), hidden_place(J, k0, ell - 1, 1)
        b_h = hidden_place(J, k0, ell - 1, 2)
        if lead == 1:
            add_layer(J, work, memory, 0, ell, work.deltas, h, kept, p, False)
        if base == 1:
            product(
                memory,
                (work.w, J.first[ell], 1, below),
                (work.deltas, B * J.at[ell], 1, B),
                (kept, b_h, B),
                (below, B, n),
                ONE,
                False,
            )
            barrier()
        to = B * J.at[ell - 1]
        for e in range(cuda.grid(1), below * B, cuda.gridsize(1)):
            work.deltas[to + e] = hidden_vjp(slope(J, kept[h + e], kept[x + e]), kept[b_h + e])
        barrier()


@device_function
def tangent_between(J, lam, work, memory, t, base, lead, j, kept, k0, to_factors):
    """Pearlmutter's R-operator of the layers above the first, along column j."""
    tangents_up(J, work, memory, base, j, kept, k0)
    B, L = J.B, J.L
    P, Q = head_places(J, k0)
    top = B * J.at[L]
    for i in range(cuda.grid(1), B, cuda.gridsize(1)):
        head_tangent(
            J, lam, work, t, kept, P, Q, i, j, work.dz, top, work.ddeltas, top, to_factors
        )  # fmt: skip
    barrier()
    tangents_down(J, work, memory, lead, j, kept, k0)


@device_function
def tangents_up(J, work, memory, base, j, kept, k0):
    """dz and dh of every layer."""
    B, n1, p = J.B, J.widths[1], work.w.shape[0]
    h, x = hidden_place(J, k0, 1, 0), hidden_place(J, k0, 1, 1)
    for e in range(cuda.grid(1), n1 * B, cuda.gridsize(1)):
        d = work.z[(base + j) * n1 * B + e]
        work.dz[e] = d
        work.dh[e] = hidden_jvp(slope(J, kept[h + e], kept[x + e]), d)
    barrier()
    for ell in range(2, J.L + 1):
        n, below = J.widths[ell], J.widths[ell - 1]
        to, from_ = B * J.at[ell], B * J.at[ell - 1]
        h = hidden_place(J, k0, ell - 1, 0)
        product(
            memory,
            (work.U, j * p + J.first[ell], below, 1),
            (kept, h, 1, B),
            (work.dz, to, B),
            (n, B, below),
            ONE,
            False,
        )
        barrier()
        product(
            memory,
            (work.w, J.first[ell], below, 1),
            (work.dh, from_, 1, B),
            (work.dz, to, B),
            (n, B, below),
            ONE,
            True,
        )
        barrier()
        if ell < J.L:
            h, x = hidden_place(J, k0, ell, 0), hidden_place(J, k0, ell, 1)
        for e in range(cuda.grid(1), n * B, cuda.gridsize(1)):
            d = work.dz[to + e] + bias_of(J, ell, work.U, j * p, e // B)
            work.dz[to + e] = d
            if ell < J.L:
                work.dh[to + e] = hidden_jvp(slope(J, kept[h + e], kept[x + e]), d)
        barrier()


@device_function
def tangents_down(J, work, memory, lead, j, kept, k0):
    """dδ of every layer, and column j's product in the layers above the first."""
    B, n1, p = J.B, J.widths[1], work.w.shape[0]
    for ell in range(J.L, 1, -1):
        n, below = J.widths[ell], J.widths[ell - 1]
        at, to = B * J.at[ell], B * J.at[ell - 1]
        h, x = hidden_place(J, k0, ell - 1, 0), hidden_place(J, k0, ell - 1, 1)
        b_h = hidden_place(J, k0, ell - 1, 2)
        add_layer(J, work, memory, lead + j, ell, work.ddeltas, h, kept, p, False)
        product(
            memory,
            (work.w, J.first[ell], 1, below),
            (work.ddeltas, at, 1, B),
            (work.above, 0, B),
            (below, B, n),
            ONE,
            False,
        )
        barrier()
        add_layer(J, work, memory, lead + j, ell, work.deltas, to, work.dh, p, True)
        product(
            memory,
            (work.U, j * p + J.first[ell], 1, below),
            (work.deltas, at, 1, B),
            (work.above, 0, B),
            (below, B, n),
            ONE,
            True,
        )
        barrier()
        for e in range(cuda.grid(1), below * B, cuda.gridsize(1)):
            a1, a2 = slope(J, kept[h + e], kept[x + e]), bend(J, kept[h + e], kept[x + e])
            work.ddeltas[to + e] = hidden_vjp_jvp(
                a1, a2, work.dz[to + e], kept[b_h + e], work.above[e]
            )
        barrier()
    for e in range(cuda.grid(1), n1 * B, cuda.gridsize(1)):
        work.r[(lead + j) * n1 * B + e] = work.ddeltas[e]
