"""What is known of the paper's relatives, judged on our numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from paper_repro.claim import Claim, Rows, Rule

TITLE = "The relatives: reversible learning, checkpoints, truncation, implicit gradients"
PAPER: Rows = ()  # the paper compares itself with them in words

EXACT = 1e-11  # of ‖∇f‖, for rounding of some thousand steps
OTHER = 1e-6  # of ‖∇f‖, from which a gradient is another one
REVERSED = 1e-12  # of ‖∇f‖, between fixed and floating point
SAVED = 100  # times less of the run kept
CHANCE = 5  # standard deviations of a mean of as many coin tosses
ARRIVED = 1e-4  # of ‖∇f‖, at the longest run
RATE = 0.05  # of −log r, the decay a step

Content = Mapping[str, Any]


def exact(content: Content) -> Claim:
    """Forward, reverse, checkpointed and reversible compute the same hypergradient."""
    off = max(row["error"]["all"] for row in content["rows"] if row["exact"])
    return Claim(
        f"forward, reverse, checkpointed, reversible = complex step, to {EXACT:.0e} ‖∇f‖", "",
        f"{off:.0e} ‖∇f‖ at most", off <= EXACT,
    )  # fmt: skip


def others(content: Content) -> Claim:
    """Truncated and implicit ones are other gradients."""
    off = [row["error"]["all"] for row in content["rows"] if not row["exact"]]
    return Claim(
        f"truncated, implicit: other gradients for finite T, over {OTHER:.0e} ‖∇f‖ away", "",
        f"{min(off):.0e} … {max(off):.0e} ‖∇f‖", min(off) > OTHER,
    )  # fmt: skip


def checkpoints(content: Content) -> Claim:
    """Checkpoints in slots take the fewest steps that are possible."""
    pairs = [(row["steps"], row["fewest steps"]) for row in content["rows"] if "slots" in row]
    optimal = {steps == fewest for steps, fewest in pairs} == {True}
    found = ", ".join(f"{steps} of {fewest}" for steps, fewest in pairs)
    return Claim("checkpointed in slots: the fewest steps that can be", "", found, optimal)


def reversal_is_exact(content: Content) -> Claim:
    """Reversible learning recovers the run."""
    back = content["reversible"]
    off, agreed = back["distance to reverse"], back["checksums that agreed"]
    return Claim(
        f"reversible: states recovered bit for bit, gradient within {REVERSED:.0e} ‖∇f‖ of reverse",
        "",
        f"{agreed} checksums agreed, {off:.0e} ‖∇f‖",
        agreed > 0 and off <= REVERSED,
    )


def reversal_is_small(content: Content) -> Claim:
    """Reversible learning keeps little of the run."""
    times = content["reversible"]["stored / kept"]
    text = f"reversible keeps at least {SAVED} times less of the run than reverse"
    return Claim(text, "", f"{times:.0f} times", times >= SAVED)


def bits(content: Content) -> Claim:
    """What it keeps is what a plain floor loses, and no less than any product does."""
    back = content["reversible"]
    found, predicted, least = back["bits"], back["bits predicted"], back["least bits"]
    first, chance = back["bits of the first step"], CHANCE * back["bits by chance"]
    return Claim(
        "reversible: 2(1−μ) bits a weight and step, and for v_0 = 0 one; at least log2(1/μ)",
        "",
        f"{found:.4f}, expected {predicted:.4f} + {first:.4f} ± {chance:.4f}; least {least:.4f}",
        abs(found - predicted - first) <= chance and found >= least,
    )


def arrives(content: Content) -> Claim:
    """The implicit gradient is what reverse becomes as T grows."""
    size = content["limit"]["norm"]
    off = [curve["reverse to limit"][-1] / size for curve in content["curves"]]
    return Claim(
        f"reverse → implicit as T grows: within {ARRIVED:.0e} of the limit at the longest T", "",
        f"{max(off):.0e} ‖∇f‖", max(off) <= ARRIVED,
    )  # fmt: skip


def at_the_rate(content: Content) -> Claim:
    """Both go to the limit as fast as the curvature of J says."""
    pairs = [(one, c["rate"]) for c in content["curves"] for one in c["fitted"].values()]
    off = max(abs(math.log(fitted) / math.log(rate) - 1) for fitted, rate in pairs)
    return Claim(
        f"reverse − implicit falls as T r^T, implicit − limit as r^T: −log r within {RATE:.0%} of "
        "what .convergence.rate tells", "", f"{off:.1%} at most", off <= RATE,
    )  # fmt: skip


def bounded(content: Content) -> Claim:
    """The bound on the distance between them is one."""
    over = [
        bound / distance
        for curve in content["curves"]
        for bound, distance in zip(curve["bound"], curve["reverse to implicit"], strict=True)
    ]
    return Claim(
        "‖reverse − implicit‖ <= .convergence.bound at every T (for this J an estimate)", "",
        f"bound {min(over):.0e} … {max(over):.0e} times the distance", min(over) >= 1,
    )  # fmt: skip


RULES: dict[str, tuple[Rule, ...]] = {
    "relatives": (exact, others, checkpoints, reversal_is_exact, reversal_is_small, bits),
    "relatives-limit": (arrives, at_the_rate, bounded),
}
