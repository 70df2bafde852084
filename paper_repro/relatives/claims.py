"""Judge known properties of the related methods on our numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from paper_repro.claim import Claim, Rows, Rule

TITLE = "The relatives: reversible learning, checkpoints, truncation, implicit gradients"
PAPER: Rows = ()  # the paper compares itself with them only in words

EXACT = 1e-11  # of ‖∇f‖: largest error of an exact method; the rounding of a few thousand steps
OTHER = 1e-6  # of ‖∇f‖: a gradient that is further away is a different one
REVERSED = 1e-12  # of ‖∇f‖: largest distance between fixed and floating point
SAVED = 100  # least ratio of the states of the run to what reversible stores of it
CHANCE = 5  # standard deviations of the mean of that many coin tosses
ARRIVED = 1e-4  # of ‖∇f‖: largest distance to the limit at the longest run
RATE = 0.05  # largest relative error of −log r, the decay per step

Content = Mapping[str, Any]


def exact(content: Content) -> Claim:
    """Forward, reverse, checkpointed and reversible compute the same hypergradient."""
    off = max(row["error"]["all"] for row in content["rows"] if row["exact"])
    return Claim(
        f"forward, reverse, checkpointed, reversible = complex step, to {EXACT:.0e} ‖∇f‖", "",
        f"{off:.0e} ‖∇f‖ at most", off <= EXACT,
    )  # fmt: skip


def others(content: Content) -> Claim:
    """Truncated and implicit gradients differ from the exact one."""
    off = [row["error"]["all"] for row in content["rows"] if not row["exact"]]
    return Claim(
        f"truncated, implicit: other gradients for finite T, over {OTHER:.0e} ‖∇f‖ away", "",
        f"{min(off):.0e} … {max(off):.0e} ‖∇f‖", min(off) > OTHER,
    )  # fmt: skip


def checkpoints(content: Content) -> Claim:
    """Checkpointing with slots takes the fewest steps possible."""
    pairs = [(row["steps"], row["fewest steps"]) for row in content["rows"] if "slots" in row]
    optimal = {steps == fewest for steps, fewest in pairs} == {True}
    found = ", ".join(f"{steps} of {fewest}" for steps, fewest in pairs)
    return Claim("checkpointed in slots: the fewest steps that can be", "", found, optimal)


def reversal_is_exact(content: Content) -> Claim:
    """Reversible learning recovers the states of the run exactly."""
    back = content["reversible"]
    off, agreed = back["distance to reverse"], back["checksums that agreed"]
    return Claim(
        f"reversible: states recovered bit for bit, gradient within {REVERSED:.0e} ‖∇f‖ of reverse",
        "",
        f"{agreed} checksums agreed, {off:.0e} ‖∇f‖",
        agreed > 0 and off <= REVERSED,
    )


def reversal_is_small(content: Content) -> Claim:
    """Reversible learning stores little of the run, compared with its states."""
    times = content["reversible"]["stored / kept"]
    text = f"reversible keeps at least {SAVED} times less than the states of the run"
    return Claim(text, "", f"{times:.0f} times", times >= SAVED)


def bits(content: Content) -> Claim:
    """It stores the bits that rounding loses, and at least the information-theoretic bound."""
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
    """The reverse gradient converges to the implicit one as T grows."""
    size = content["limit"]["norm"]
    off = [curve["reverse to limit"][-1] / size for curve in content["curves"]]
    return Claim(
        f"reverse → implicit as T grows: within {ARRIVED:.0e} of the limit at the longest T", "",
        f"{max(off):.0e} ‖∇f‖", max(off) <= ARRIVED,
    )  # fmt: skip


def at_the_rate(content: Content) -> Claim:
    """Both converge at the rate that the curvature of J predicts."""
    pairs = [(one, c["rate"]) for c in content["curves"] for one in c["fitted"].values()]
    off = max(abs(math.log(fitted) / math.log(rate) - 1) for fitted, rate in pairs)
    return Claim(
        f"reverse − implicit falls as T r^T, implicit − limit as r^T: −log r within {RATE:.0%} of "
        "what .convergence.rate tells", "", f"{off:.1%} at most", off <= RATE,
    )  # fmt: skip


RULES: dict[str, tuple[Rule, ...]] = {
    "relatives": (exact, others, checkpoints, reversal_is_exact, reversal_is_small, bits),
    "relatives-limit": (arrives, at_the_rate),
}
