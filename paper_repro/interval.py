"""Student's interval about a mean."""

from __future__ import annotations

import math

from hgref.arguments import Array

LEVEL = 0.95


def interval(x: Array) -> tuple[float, float]:
    """Mean of paired differences, and half the width of Student's interval about it."""
    import scipy.stats

    quantile = scipy.stats.t.ppf((1 + LEVEL) / 2, len(x) - 1)
    return float(x.mean()), float(quantile * x.std(ddof=1) / math.sqrt(len(x)))
