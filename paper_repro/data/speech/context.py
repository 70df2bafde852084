"""Features out of static ones: differences over time, the training mean, neighbouring frames."""

from __future__ import annotations

import numpy as np

from hgref.arguments import Array
from paper_repro.data.speech.fbank import STATIC

FEATURES = 3 * STATIC  # static, Δ, ΔΔ
REACH = 2  # frames to each side that a difference looks at


def bounds_of(starts: Array) -> tuple[Array, Array]:
    """First and last row of the recording that each row is in.

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
    Beware   beyond the ends of a recording its first and last frame stand again
    Source   Young et al., The HTK Book, section on differential coefficients
    """
    low, high = bounds_of(starts)
    x = static.astype(np.float32)
    first = difference(x, low, high)
    return np.concatenate([x, first, difference(first, low, high)], axis=1)


def difference(x: Array, low: Array, high: Array) -> Array:
    t = np.arange(len(x))
    slopes = (
        k * (x[np.minimum(t + k, high)] - x[np.maximum(t - k, low)]) for k in range(1, REACH + 1)
    )
    weight = 2 * sum(k * k for k in range(1, REACH + 1))
    return sum(slopes, np.zeros_like(x)) / np.float32(weight)


def normalized(x: Array, train: Array) -> Array:
    """x (m, N) less the mean and over the deviation of the rows train (m,) bool; float32.

    Beware   a feature that stands still in training is divided by 1
    """
    mean = x[train].mean(axis=0, dtype=float)
    deviation = x[train].std(axis=0, dtype=float)
    deviation[deviation < 1e-6] = 1
    return ((x - mean) / deviation).astype(np.float32)


def with_context(x: Array, rows: Array, low: Array, high: Array, context: int) -> Array:
    """Rows of x, each with those around it.

    x          (m, N);  rows  (B,) which of them
    low, high  (B,) first and last row of the recording of each
    context    frames to each side
    returns    (B, (2 context + 1) N), the earliest frame first; beyond the ends of a recording its
               first and last frame stand again
    """
    around = rows[:, None] + np.arange(-context, context + 1)
    shown = x[np.clip(around, low[:, None], high[:, None])]
    return shown.reshape(len(rows), around.shape[1] * x.shape[1])
