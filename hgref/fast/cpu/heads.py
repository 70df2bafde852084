"""The losses of a linear model, compiled: from z to what the transposed product with X takes.

Twin of hgref.objectives.losses. Blocks are examples × outputs; P is what an example keeps.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from hgref import laws
from hgref.fast.cpu.compiled import bound, inlined
from hgref.objectives.losses import CrossEntropy, Squares, TwoClasses

residual, weighted = inlined(laws.residual), inlined(laws.weighted)
weighted_jvp, weighted_vjp = inlined(laws.weighted_jvp), inlined(laws.weighted_vjp)
squares_law = inlined(laws.squares_curvature)
logistic_law, softmax_law = inlined(laws.logistic_curvature), inlined(laws.softmax_curvature)


# predict: P (m, kept) from the first K columns of z;  curvature: output k of C_i dz_i, with the
# mean Σ_k P_ik dz_ik


@inlined
def squares(z, P, K):
    """P = z."""
    for i in range(len(P)):
        for k in range(K):
            P[i, k] = z[i, k]


@inlined
def squares_curvature(P, i, k, dz, mean):
    return squares_law(dz)


@inlined
def logistic(z, P, K):
    """P = σ(z), σ(−z)."""
    for i in range(len(P)):
        P[i, 0] = P[i, 1] = -abs(z[i, 0])
    exponentials(P)
    for i in range(len(P)):
        far, near = P[i, 0] / (1 + P[i, 0]), 1 / (1 + P[i, 0])
        P[i, 0] = near if z[i, 0] > 0 else far
        P[i, 1] = far if z[i, 0] > 0 else near


@inlined
def logistic_curvature(P, i, k, dz, mean):
    return logistic_law(P[i, 0], P[i, 1], dz)


@inlined
def softmax(z, P, K):
    """P_k = e^{z_k} / Σ_j e^{z_j}."""
    for i in range(len(P)):
        top = z[i, 0]
        for k in range(1, K):
            top = z[i, k] if z[i, k] > top else top
        for k in range(K):
            P[i, k] = z[i, k] - top
    exponentials(P)
    for i in range(len(P)):
        total = P[i, 0]
        for k in range(1, K):
            total += P[i, k]
        total = 1 / total
        for k in range(K):
            P[i, k] *= total


@inlined
def softmax_curvature(P, i, k, dz, mean):
    return softmax_law(P[i, k], dz, mean)


class Head(NamedTuple):
    """A loss, compiled: its two functions, and how many numbers an example keeps (None: K)."""

    name: str
    predict: Any
    curvature: Any
    kept: int | None = None


HEADS: dict[type, Head] = {
    Squares: Head("squares", squares, squares_curvature),
    TwoClasses: Head("logistic", logistic, logistic_curvature, 2),
    CrossEntropy: Head("softmax", softmax, softmax_curvature),
}


predict: Any = None  # of a head, as is curvature, in each copy of the function below
curvature: Any = None


def through_loss(one, z, lo, hi):
    """z ← c_i r_i where base = 1, then c_i C_i dz_i + dc_i r_i in place of each dz_i."""
    K, P = one.Y.shape[1], one.P[lo:hi]
    if one.base:
        predict(z, P, K)
        for i in range(hi - lo):
            for k in range(K):
                r = residual(P[i, k], one.Y[one.rows[lo + i], k])
                z[i, k] = weighted(one.c[lo + i], r)
    for j in range(one.k):
        at = (one.base + j) * K
        if len(one.share):
            for i in range(hi - lo):
                share = 0 * one.c[0]
                for k in range(K):
                    r = residual(P[i, k], one.Y[one.rows[lo + i], k])
                    share += weighted_vjp(one.c[lo + i], r, z[i, at + k])[1]
                one.share[lo + i] = share
        for i in range(hi - lo):
            row, c, mean = one.rows[lo + i], one.c[lo + i], 0 * one.c[0]
            for k in range(K):
                mean += P[i, k] * z[i, at + k]
            for k in range(K):
                dr = curvature(P, i, k, z[i, at + k], mean)
                if len(one.dc):
                    r = residual(P[i, k], one.Y[row, k])
                    z[i, at + k] = weighted_jvp(c, r, dr, one.dc[row, j])
                else:
                    z[i, at + k] = weighted(c, dr)


@functools.cache
def loss_of(head: Head) -> Any:
    """`through_loss` for a head."""
    names = {"predict": head.predict, "curvature": head.curvature}
    return inlined(bound(through_loss, head.name, **names))


# --- e^x for x ≤ 0, in a form that vectorises ---
#
# The C library's exp takes one number at a time: half of a small problem's time. Here
# x = n ln 2 + r, |r| ≤ ½ ln 2, and e^x = 2^n e^r: e^r by its Taylor series, and 2^n made of bits.
# Accurate to two units in the last place. The result is never below e^-650 (single precision:
# e^-70): a hundredth of that times a weight is still a normal number, and a processor is a hundred
# times slower with others.

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10  # their sum is ln 2 to 80 bits
SHIFT = 6755399441055744.0  # 1.5 · 2^52: added to a number, it leaves its integer part in the bits


@inlined
def exponentials(x):
    """x ← e^x, of numbers ≤ 0, contiguous rows."""
    least, flat = -650.0 if x.itemsize == 8 else -70.0, x.reshape(x.size)
    for j in range(len(flat)):
        flat[j] = exponential(np.float64(flat[j]), least)


@inlined
def exponential(x, least):
    x = least if x < least else x  # in this form, NaN stays NaN
    shifted = x * LOG2_E + SHIFT
    n = shifted - SHIFT
    r = x - n * LN2_HIGH - n * LN2_LOW
    e = 1 / 6227020800
    e = e * r + 1 / 479001600
    e = e * r + 1 / 39916800
    e = e * r + 1 / 3628800
    e = e * r + 1 / 362880
    e = e * r + 1 / 40320
    e = e * r + 1 / 5040
    e = e * r + 1 / 720
    e = e * r + 1 / 120
    e = e * r + 1 / 24
    e = e * r + 1 / 6
    e = e * r + 0.5
    e = e * r + 1.0
    e = e * r + 1.0
    bits = (np.float64(shifted).view(np.int64) << 52) + np.int64(1023 << 52)
    return e * np.int64(bits).view(np.float64)
