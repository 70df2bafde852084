"""Fit the laws that section 4 of the paper predicts to the measurements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hgref.arguments import Array

CLOCK = 1e-9  # seconds: the least that is told apart; noise may make a difference negative

Curve = dict[str, Any]  # "x", and the values at x for each algorithm


def time_fits(curve: Curve) -> Curve:
    """Forward: the fitted line and the exponent of m; the others: their deviation from flat."""
    m = curve["x"]
    return {
        "forward seconds against m": {
            **line(m, curve["forward"]),
            "exponent": slope(m, curve["forward"]),
            "exponent of the columns": exponent_of_columns(m, curve["forward"]),
        },
        "reverse seconds against m": {"deviation %": deviation(curve["reverse"])},
        "checkpointed seconds against m": {"deviation %": deviation(curve["checkpointed"])},
    }


def exponent_of_columns(m: Sequence[float], seconds: Sequence[float]) -> float:
    """The exponent of m in what further columns take, beside a run with one.

    That run weighs more than the columns at small m, and the exponent of all seconds is lower.
    """
    further, extra = np.array(m[1:]) - m[0], np.array(seconds[1:]) - seconds[0]
    return exponent(further, np.maximum(extra, CLOCK))


def memory_fits(curves: Sequence[Curve], kept: Curve) -> Curve:
    """Reverse and checkpointed: bytes per T p or √T p; forward: its deviation from flat in T.

    curves   one for each T: "T", "x" (numbers of weights), megabytes of each algorithm
    kept     bytes that a "state" and a "linearised step" take for each weight
    """
    over_steps = zip(*(one["forward"] for one in curves), strict=True)
    return {
        "reverse bytes against T p": {
            **bytes_line(curves, "reverse", 1),
            "predicted slope": kept["linearised step"],
        },
        "checkpointed bytes against √T p": {  # √T checkpoints and the √T steps between two
            **bytes_line(curves, "checkpointed", 0.5),
            "predicted slope": kept["state"] + kept["linearised step"],
        },
        "forward megabytes against T": {"deviation %": max(map(deviation, over_steps))},
    }


def bytes_line(curves: Sequence[Curve], name: str, power: float) -> dict[str, float]:
    """Fit bytes = a + b p + (c + slope · p) T^power by least squares.

    A step in hand needs a + b p. Of each step that is kept, c bytes do not grow with p: Python's
    own objects, and the outputs of the model.
    """
    points = [(one["T"] ** power, p) for one in curves for p in one["x"]]
    found = np.array([1e6 * y for one in curves for y in one[name]])
    terms = np.array([(1.0, p, root, root * p) for root, p in points])
    coefficients = np.linalg.lstsq(terms, found, rcond=None)[0]
    c, steepness = coefficients[2:]
    return {"slope": float(steepness), "beside": float(c), "R2": share(found, terms @ coefficients)}


def line(x: Sequence[float], y: Sequence[float]) -> dict[str, float]:
    """Fit y = intercept + slope · x by least squares; also R²."""
    b, a = np.polyfit(x, y, 1)
    found = np.asarray(y)
    return {"intercept": float(a), "slope": float(b), "R2": share(found, a + b * np.asarray(x))}


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The exponent over the larger half of the points."""
    later = len(x) // 2
    return exponent(x[later:], y[later:])


def exponent(x: Any, y: Any) -> float:
    """d log y / d log x by least squares."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def share(found: Array, fitted: Array) -> float:
    """R², the share of the variance that a fit explains."""
    return float(1 - np.sum((found - fitted) ** 2) / np.sum((found - found.mean()) ** 2))


def deviation(y: Sequence[float]) -> float:
    """The largest distance from the median, in per cent of the median."""
    middle = np.median(y)
    return float(100 * np.abs(np.asarray(y) / middle - 1).max())
