"""The end of a network: means, residuals and curvatures of each example; twin of losses.py."""

from __future__ import annotations

import math

from numba import cuda, uint64

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
        mean_at(
            J, J.widths[J.L], J.classes, (z, z0 + i, J.B), (kept, P + i, J.B), (kept, Q + i, J.B)
        )


@device_function
def get(view, k):
    """Number k of (array, first, step)."""
    array, first, step = view
    return array[uint64(first + k * step)]


@device_function
def put(view, k, x):
    """Number k of (array, first, step) ← x."""
    array, first, step = view
    array[uint64(first + k * step)] = x


@device_function
def mean_at(J, K, classes, z, mean, far):
    """The mean of one example's prediction; `far`, if LOGISTIC, receives σ(−z).

    K, classes   outputs, and those of the first head; the compiler may know them
    """
    if J.head == SOFTMAX:
        softmax(classes, z, mean)
    for k in range(K):
        x = get(z, k)
        if J.head == SQUARES or k >= classes:
            put(mean, k, x)
        if J.head == LOGISTIC:
            e, one = math.exp(-abs(x)), mean[0].dtype.type(1)
            small, large = e / (one + e), one / (one + e)
            put(mean, k, large if x > 0 else small)
            put(far, k, small if x > 0 else large)


@device_function
def softmax(K, z, mean):
    """P_k = e^{z_k} / Σ_j e^{z_j} of one example."""
    top, total, one = get(z, 0), mean[0].dtype.type(0), mean[0].dtype.type(1)
    for k in range(1, K):
        top = max(top, get(z, k))
    for k in range(K):
        e = math.exp(get(z, k) - top)
        put(mean, k, e)
        total += e
    scale = one / total
    for k in range(K):
        put(mean, k, get(mean, k) * scale)


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
    y = J.Y, row_at(J, t, i), J.n
    mean, to = (kept, P + i, J.B), (out, o0 + i, J.B)
    cotangent_at(J, J.widths[J.L], J.classes, lam, work.c[i], y, mean, to)


@device_function
def head_tangent(J, lam, work, t, kept, P, Q, i, column, dz, z0, out, o0, to_factors):
    """out ← c_io C_i dz_i + dc_io r_io for example i; to_factors: its shares of λ_i and ρ."""
    B, y = J.B, (J.Y, row_at(J, t, i), J.n)
    tangent_at(
        J, J.widths[J.L], J.classes, lam, t, i, column, work.c[i], y, (kept, P + i, B),
        (kept, Q + i, B), (dz, z0 + i, B), (out, o0 + i, B), to_factors,
    )  # fmt: skip


@device_function
def factor(K, classes, lam, c, k):
    """c_i h_o; with one head every h_o is 1."""
    return weighted(c, lam.outputs[k]) if classes < K else c


@device_function
def cotangent_at(J, K, classes, lam, c, y, mean, out):
    """out ← c h_o r_o of one example, whose λ_i/B is c."""
    for k in range(K):
        put(out, k, weighted(factor(K, classes, lam, c, k), residual(get(mean, k), get(y, k))))


@device_function
def tangent_at(J, K, classes, lam, t, i, column, c, y, mean, far, dz, out, to_factors):
    """out ← c_o C dz + dc_o r of one example; to_factors: its shares of λ_i and ρ."""
    real, row = out[0].dtype.type, row_at(J, t, i)
    mean_dz = to_example = to_head = real(0)
    for k in range(classes):
        mean_dz += get(mean, k) * get(dz, k)
    for k in range(K):
        d, m = get(dz, k), get(mean, k)
        r = residual(m, get(y, k))
        if J.head == SQUARES or k >= classes:
            dr = squares_curvature(d)
        elif J.head == LOGISTIC:
            dr = logistic_curvature(m, get(far, k), d)
        else:
            dr = softmax_curvature(m, d, mean_dz)
        h = lam.outputs[k] if classes < K else real(1)
        dc = real(factor_tangent(lam, row, k, column, c, h, J.B))
        c_h = factor(K, classes, lam, c, k)
        put(out, k, weighted_jvp(c_h, r, dr, dc))
        to_head_k, to_example_k = weighted_vjp(c, h, weighted_vjp(c_h, r, d)[1])
        to_example += to_example_k
        if k >= classes:
            to_head += to_head_k
    if to_factors.examples.shape[0] > 0:
        to_factors.examples[(t - 1) * J.batches.shape[1] + i] += to_example / J.B
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
