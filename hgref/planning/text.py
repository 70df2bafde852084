"""Sizes and times as people write them."""

from __future__ import annotations

import math
import re

from hgref.arguments import as_count

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
UNITS |= {f"{unit}I": 2 ** (10 * power) for power, unit in enumerate("KMGT", 1)}


def as_bytes(budget: str | int) -> int:
    """The number of bytes in "2 GB", "500MiB" or 123."""
    if not isinstance(budget, str):
        return as_count("budget", budget, 0)
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([KMGT]I?|)B?\s*", budget.upper())
    if match is None:
        raise ValueError(f"budget: expected a size such as '500 MB' or '2 GiB', found {budget!r}")
    return int(float(match[1]) * UNITS[match[2]])


def size(number: float) -> str:
    """A number of bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB" if number < 999.5 else f"{number:.0f} TB"


def duration(seconds: float) -> str:
    """A number of seconds."""
    units = {"ms": 1e-3, "s": 1, "min": 60, "h": 3600, "days": 86_400}
    most = {"ms": 1, "s": 100, "min": 6000, "h": 172_800, "days": math.inf}
    unit = next(unit for unit, limit in most.items() if seconds < limit)
    return f"{float(f'{seconds / units[unit]:.2g}'):,g} {unit}"
