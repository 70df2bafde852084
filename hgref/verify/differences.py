"""Whether a candidate was made by finite differences, and with which step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.verify.rounding import FLOAT64
from hgref.verify.trial import Trial

MOST = 20  # coordinates that are compared
FROM, TO = 1e-7, 1e-1  # steps that are looked for, relative to λ where a step is
APART = 100.0  # times the rounding of a difference: a smaller error tells nothing of its step
NOISE = 10.0  # roundings of f in a difference
SECANTS = 6

SCHEMES: dict[str, tuple[float, float]] = {
    "forward": (1.0, 0.0),
    "backward": (0.0, -1.0),
    "central": (1.0, -1.0),
}


def differences(trial: Trial) -> str | None:
    """The scheme and its step, "forward, h = 0.001", or None.

    The step is fitted to the coordinate that is farthest off, and must explain all others too; a
    single coordinate must have a step that is a power of ten.
    """
    given, g, run = trial.given, trial.g, trial.run
    if set(given.names) != set(run.layout.shapes):
        return None
    found, true = run.layout.flatten(given.blocks), g.grad
    off = np.abs(found - true)
    some = np.argsort(-off)[:MOST]
    noise = NOISE * 2 * FLOAT64 * abs(g.f)
    for scheme, ends in SCHEMES.items():
        for relative in (False, True):
            slope = along_coordinates(run.problem.f, run.point, ends, relative)
            try:
                h = fitted(slope, int(some[0]), found, true)
                if h is None:
                    continue
                steps = h * (np.abs(run.point) if relative else np.ones(off.size))
                told = all_explained(slope, some, found, off, h, noise / steps)
            # a step out of the domain, or a run that diverges
            except (ValueError, ArithmeticError):
                continue
            if told:
                return f"{scheme}, h = {h:.4g}{' of each number' if relative else ''}"
    return None


Slope = Callable[[int, float], float]


def along_coordinates(f: Any, x: Array, ends: tuple[float, float], relative: bool) -> Slope:
    """(j, h) → the difference of f in coordinate j with step h."""

    def at(j: int, h: float) -> float:
        y = np.array(x)
        y[j] += h
        return float(f(y))

    def slope(j: int, h: float) -> float:
        h *= abs(float(x[j])) if relative else 1.0
        right, left = ends
        return (at(j, right * h) - at(j, left * h)) / ((right - left) * h)

    return slope


def fitted(slope: Slope, j: int, found: Array, true: Array) -> float | None:
    """The step at which the difference in coordinate j is the one found, by secants in log h."""
    wanted = found[j] - true[j]
    h = 1e-3
    for _ in range(SECANTS):
        here, there = (slope(j, step) - true[j] for step in (h, 1.1 * h))
        if here == 0 or there / here <= 0 or wanted / here <= 0:
            return None
        order = math.log(there / here) / math.log(1.1)
        if not 0.2 < order < 5:
            return None
        h *= (wanted / here) ** (1 / order)
        if not FROM < h < TO:
            return None
    return h


def all_explained(
    slope: Slope, some: Array, found: Array, off: Array, h: float, noise: Array
) -> bool:
    """Whether the differences are the numbers found, and two at least tell their step, or one."""
    told = [j for j in some if off[j] > APART * noise[j]]
    exact = all(abs(slope(int(j), h) - found[j]) <= noise[j] + 1e-6 * off[j] for j in some)
    whole = abs(math.log10(h) - round(math.log10(h))) < 1e-6
    return exact and (len(told) > 1 or (len(told) == 1 and whole))
