"""Turn static features into inputs: differences over time, normalisation, neighbouring frames."""

from __future__ import annotations

import numpy as np

from hgref.arguments import Array
from paper_repro.data.speech.fbank import STATIC

FEATURES = 3 * STATIC  # static, Δ, ΔΔ
BLOCK = 2**14  # rows
REACH = 2  # frames to each side that a difference uses


def bounds_of(starts: Array) -> tuple[Array, Array]:
    """For each row, the first and the last row of its recording.

    starts   (U + 1,) recording u has the rows starts[u] … starts[u + 1] - 1
    returns  (m,), (m,) int64
    """
    lengths = np.diff(starts)
    return np.repeat(starts[:-1], lengths), np.repeat(starts[1:] - 1, lengths)


def dynamic(static: Array, starts: Array) -> Array:
    """Static features with their first and second differences.

        Δx_t = Σ_k k (x_{t+k} - x_{t-k}) / (2 Σ_k k²),   k = 1, 2;   ΔΔ = Δ of Δ

    static   (m, 41);  starts  (U + 1,) as in bounds_of
    returns  (m, 123) float32
    Beware   the first and last frames are repeated beyond the ends of a recording
    Source   Young et al., The HTK Book, section on differential coefficients
    """
    low, high = bounds_of(starts)
    features = np.empty((len(static), 3, STATIC), np.float32)
    features[:, 0] = static
    features[:, 1] = difference(features[:, 0], low, high)
    features[:, 2] = difference(features[:, 1], low, high)
    return features.reshape(len(static), FEATURES)


def difference(x: Array, low: Array, high: Array) -> Array:
    t = np.arange(len(x))
    slopes = (
        k * (x[np.minimum(t + k, high)] - x[np.maximum(t - k, low)]) for k in range(1, REACH + 1)
    )
    weight = 2 * sum(k * k for k in range(1, REACH + 1))
    return sum(slopes, np.zeros_like(x)) / np.float32(weight)


def normalized(x: Array, train: Array) -> Array:
    """x (m, N), standardised by the mean and deviation of the rows in train (m,) bool; float32.

    Raises   ValueError if there are no training rows
    Exact    sums are computed in float64, block by block
    Beware   a feature that is constant in training is not scaled
    """
    rows = np.flatnonzero(train)
    if len(rows) == 0:
        raise ValueError("train: expected training frames, found none")
    blocks = np.array_split(rows, len(rows) // BLOCK + 1)
    mean = sum(x[block].sum(axis=0, dtype=float) for block in blocks) / len(rows)
    x = x - mean.astype(np.float32)
    squares = sum(np.square(x[block]).sum(axis=0, dtype=float) for block in blocks)
    deviation = np.sqrt(squares / len(rows))
    deviation[deviation < 1e-6] = 1
    x /= deviation.astype(np.float32)
    return x


def with_context(x: Array, rows: Array, low: Array, high: Array, context: int) -> Array:
    """Rows of x, each joined with its neighbours.

    x          (m, N);  rows  (B,) the indices of the rows
    low, high  (B,) first and last row of the recording of each
    context    frames to each side
    returns    (B, (2 context + 1) N), the earliest frame first; the first and last frames are
               repeated beyond the ends of a recording
    """
    around = rows[:, None] + np.arange(-context, context + 1)
    shown = x[np.clip(around, low[:, None], high[:, None])]
    return shown.reshape(len(rows), around.shape[1] * x.shape[1])
