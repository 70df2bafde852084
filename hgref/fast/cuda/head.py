"""The end of a network: means, residuals and curvatures of each example; twin of losses.py."""

from __future__ import annotations

import math

from numba import cuda

from hgref import laws
from hgref.fast.cuda.arrays import LOGISTIC, SOFTMAX, SQUARES
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
    """The index of the i-th example of step t."""
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
    for i in range(cuda.grid(1), J.B, cuda.gridsize(1)):
        mean_at(J, z, z0, kept, P, Q, i)


@device_function
def mean_at(J, z, z0, kept, P, Q, i):
    """The mean of the prediction for example i."""
    K, B = J.widths[J.L], J.B
    if J.head == SOFTMAX:
        softmax(z, z0 + i, kept, P + i, J.classes, B)
    for k in range(K):
        x, at = z[z0 + k * B + i], k * B + i
        if J.head == SQUARES or k >= J.classes:
            kept[P + at] = x
        if J.head == LOGISTIC:
            e, one = math.exp(-abs(x)), kept.dtype.type(1)
            far, near = e / (one + e), one / (one + e)
            kept[P + at] = near if x > 0 else far
            kept[Q + at] = far if x > 0 else near


@device_function
def softmax(z, z0, P, p0, K, B):
    """P_k = e^{z_k} / Σ_j e^{z_j} of one example."""
    top = z[z0]
    for k in range(1, K):
        top = max(top, z[z0 + k * B])
    total = P.dtype.type(0)
    for k in range(K):
        e = math.exp(z[z0 + k * B] - top)
        P[p0 + k * B] = e
        total += e
    for k in range(K):
        P[p0 + k * B] /= total


@device_function
def through_head(J, lam, work, t, base, column, lead, kept, P, Q, i, to_factors):
    """work.r of example i: δ, of column −1, or the tangent of δ along a column of work.z."""
    size = J.widths[J.L] * J.B
    if column < 0:
        head_cotangent(J, lam, work, t, kept, P, i, work.r, 0)
    else:
        z0, o0 = (base + column) * size, (lead + column) * size
        head_tangent(
            J, lam, work, t, kept, P, Q, i, column, work.z, z0, work.r, o0, to_factors
        )  # fmt: skip


@device_function
def head_cotangent(J, lam, work, t, kept, P, i, out, o0):
    """out ← c_i h_o r_io for example i."""
    row = row_at(J, t, i)
    for k in range(J.widths[J.L]):
        r = residual(kept[P + k * J.B + i], J.Y[k * J.n + row])
        out[o0 + k * J.B + i] = weighted(factor(J, lam, work, i, k), r)


@device_function
def factor(J, lam, work, i, k):
    """c_i h_o; with one head every h_o is 1."""
    c = work.c[i]
    return weighted(c, lam.outputs[k]) if J.classes < J.widths[J.L] else c


@device_function
def head_tangent(J, lam, work, t, kept, P, Q, i, column, dz, z0, out, o0, to_factors):
    """out ← c_io C_i dz_i + dc_io r_io for example i; to_factors: its shares of λ_i and ρ."""
    K, B, row = J.widths[J.L], J.B, row_at(J, t, i)
    mean_dz = to_example = to_head = out.dtype.type(0)
    for k in range(J.classes):
        mean_dz += kept[P + k * B + i] * dz[z0 + k * B + i]
    for k in range(K):
        at = k * B + i
        d, mean = dz[z0 + at], kept[P + at]
        r = residual(mean, J.Y[k * J.n + row])
        if J.head == SQUARES or k >= J.classes:
            dr = squares_curvature(d)
        elif J.head == LOGISTIC:
            dr = logistic_curvature(mean, kept[Q + at], d)
        else:
            dr = softmax_curvature(mean, d, mean_dz)
        c, h = work.c[i], lam.outputs[k]
        dc = out.dtype.type(factor_tangent(lam, row, k, column, c, h, B))
        c_h = factor(J, lam, work, i, k)
        out[o0 + at] = weighted_jvp(c_h, r, dr, dc)
        to_head_k, to_example_k = weighted_vjp(c, h, weighted_vjp(c_h, r, d)[1])
        to_example += to_example_k
        if k >= J.classes:
            to_head += to_head_k
    if to_factors.examples.shape[0] > 0:
        to_factors.examples[(t - 1) * J.batches.shape[1] + i] += to_example / B
    if to_factors.heads.shape[0] > 0:
        to_factors.heads[i] += to_head


@device_function
def factor_tangent(lam, row, k, column, c, h, B):
    """d(c_i h_o): 1/B for c_i in the column of λ_i, 1 for h_o in its own."""
    dc, dh = 0.0, 0.0
    if lam.example_columns.shape[0] > 0 and lam.example_columns[row] == column:
        dc = 1.0 / B
    if lam.output_columns.shape[0] > 0 and lam.output_columns[k] == column:
        dh = 1.0
    return weighted_jvp(c, h, dh, dc)
