"""The end of a network: means, residuals and curvatures of each example; twin of losses.py."""

from __future__ import annotations

import math

from numba import cuda

from hgref import laws
from hgref.fast.cpu.network import LOGISTIC, SOFTMAX, SQUARES
from hgref.fast.cuda.device import device_function

residual, squares_curvature, logistic_curvature, softmax_curvature = map(
    device_function,
    (laws.residual, laws.squares_curvature, laws.logistic_curvature, laws.softmax_curvature),
)
weighted, weighted_jvp, weighted_vjp = map(
    device_function, (laws.weighted, laws.weighted_jvp, laws.weighted_vjp)
)


@device_function
def row_at(J, t, i):
    """Which example is the i-th of step t."""
    return J.batches[t - 1, i] if J.batches.shape[0] > 0 else i


@device_function
def head_places(J, k0):
    """Where P and Q begin in what is kept."""
    P = k0 + 3 * J.B * J.at[J.L]
    return P, P + J.widths[J.L] * J.B * (J.head == LOGISTIC)


@device_function
def means(J, z, z0, kept, k0):
    """A phase: P, the mean of the prediction z: z, σ(z) with Q = σ(−z), or softmax(z)."""
    P, Q = head_places(J, k0)
    K, B = J.widths[J.L], J.B
    for i in range(cuda.grid(1), B, cuda.gridsize(1)):
        if J.head == SOFTMAX:
            softmax(z, z0 + i, kept, P + i, K, B)
        for k in range(K):
            x, at = z[z0 + k * B + i], k * B + i
            if J.head == SQUARES:
                kept[P + at] = x
            if J.head == LOGISTIC:
                e = math.exp(-abs(x))
                far, near = e / (1 + e), 1 / (1 + e)
                kept[P + at] = near if x > 0 else far
                kept[Q + at] = far if x > 0 else near


@device_function
def softmax(z, z0, P, p0, K, B):
    """P_k = e^{z_k} / Σ_j e^{z_j} of one example."""
    top = z[z0]
    for k in range(1, K):
        top = max(top, z[z0 + k * B])
    total = 0 * top
    for k in range(K):
        P[p0 + k * B] = math.exp(z[z0 + k * B] - top)
        total += P[p0 + k * B]
    for k in range(K):
        P[p0 + k * B] /= total


@device_function
def head_cotangent(J, work, t, kept, P, i, out, o0):
    """out ← c_i r_i for example i."""
    row = row_at(J, t, i)
    for k in range(J.widths[J.L]):
        r = residual(kept[P + k * J.B + i], J.Y[k * J.n + row])
        out[o0 + k * J.B + i] = weighted(work.c[i], r)


@device_function
def head_tangent(J, lam, work, t, kept, P, Q, i, column, dz, z0, out, o0, b_weights):
    """out ← c_i C_i dz_i + dc_i r_i for example i; r_i·dz_i/B goes to b_weights."""
    K, B, row = J.widths[J.L], J.B, row_at(J, t, i)
    mean_dz, share = 0 * dz[z0 + i], 0 * dz[z0 + i]
    for k in range(K):
        mean_dz += kept[P + k * B + i] * dz[z0 + k * B + i]
    for k in range(K):
        at = k * B + i
        d, mean = dz[z0 + at], kept[P + at]
        r = residual(mean, J.Y[k * J.n + row])
        if J.head == SOFTMAX:
            dr = softmax_curvature(mean, d, mean_dz)
        elif J.head == LOGISTIC:
            dr = logistic_curvature(mean, kept[Q + at], d)
        else:
            dr = squares_curvature(d)
        if lam.weight_columns.shape[0] == 0:
            out[o0 + at] = weighted(work.c[i], dr)
        else:
            dc = (1.0 if lam.weight_columns[row] == column else 0.0) / B
            out[o0 + at] = weighted_jvp(work.c[i], r, dr, dc)
        share += weighted_vjp(work.c[i], r, d)[1]
    if b_weights.shape[0] > 0:
        # an example may stand in a mini-batch more than once
        cuda.atomic.add(b_weights, row, share / B)
