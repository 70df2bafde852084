"""Student's confidence interval for a mean."""

from __future__ import annotations

import math

from hgref.arguments import Array

LEVEL = 0.95


def interval(x: Array) -> tuple[float, float]:
    """Mean of paired differences, and the half-width of its confidence interval."""
    import scipy.stats

    quantile = scipy.stats.t.ppf((1 + LEVEL) / 2, len(x) - 1)
    return float(x.mean()), float(quantile * x.std(ddof=1) / math.sqrt(len(x)))
