"""Whether a fit may be an accident."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from hgref.layout import Blocks
from hgref.verify.rounding import norm

LARGEST = 1e-3  # chance of an accident at which a fit still counts as a finding
TINY = float(np.finfo(float).tiny)


def of_a_fit(
    tried: int, found: Blocks, true: Blocks, allowed: Mapping[str, float], free: int = 0
) -> float:
    """The chance that one of the guesses fits a gradient with which it has nothing to do.

    A guess is taken for a point as far from the true gradient as the found one, in any direction:
    in a block of n numbers it comes within the tolerance with chance (allowed / ‖found − true‖)^n.

    tried    number of guesses that were compared
    found    the gradient that was given;  true: the true one
    allowed  name → distance within which a guess fits
    free     numbers that were fitted
    """
    log, worst = math.log(max(tried, 1)), 0.0
    for name, distance in allowed.items():
        off = norm(found[name] - true[name])
        digits = min(0.0, math.log(max(distance, TINY) / max(off, TINY)))
        log, worst = log + digits * np.size(true[name]), min(worst, digits)
    return math.exp(min(0.0, log - free * worst))
