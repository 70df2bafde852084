"""Judge the predictions of section 4 of the paper on our fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paper_repro.claim import Claim, Rows, Rule

TITLE = "Time and memory (section 4)"
PAPER: Rows = ()  # we know the shapes of the paper's curves, not their numbers

LINE = 0.99  # least R² at which points count as a line
FLAT = 15  # largest distance of flat times from their median, in per cent
SAME = 5  # largest distance of flat memory from its median, in per cent
EXPONENT = 0.1  # largest distance of the exponent from 1
SLOPE = 10  # largest distance from the predicted slope, in per cent

Content = Mapping[str, Any]


def forward_time(content: Content) -> Claim:
    """FORWARD-HG's time is linear in m."""
    R2 = content["fits"]["forward seconds against m"]["R2"]
    return Claim(f"forward: time linear in m, R² ≥ {LINE}", "linear", f"R² = {R2:.4f}", R2 >= LINE)


def forward_exponent(content: Content) -> Claim:
    """The same, as a power of m: a line with a large intercept is not proportional to m."""
    found = content["fits"]["forward seconds against m"]["exponent"]
    return Claim(
        f"forward: time grows as m to a power within {EXPONENT} of 1", "1", f"{found:.2f}",
        abs(found - 1) <= EXPONENT,
    )  # fmt: skip


def columns_exponent(content: Content) -> Claim:
    """The same of the columns of Z alone, without the run that they go along with."""
    found = content["fits"]["forward seconds against m"]["exponent of the columns"]
    return Claim(
        f"forward: the time that columns add to a run with one grows as their number to a power "
        f"within {EXPONENT} of 1", "1", f"{found:.2f}", abs(found - 1) <= EXPONENT,
    )  # fmt: skip


def reverse_time(content: Content) -> Claim:
    """REVERSE-HG's time does not depend on m."""
    off = content["fits"]["reverse seconds against m"]["deviation %"]
    return Claim(
        f"reverse: time flat in m, within {FLAT} % of the median", "flat", f"{off:.1f} %",
        off <= FLAT,
    )  # fmt: skip


def reverse_memory(content: Content) -> Claim:
    """REVERSE-HG keeps something of each step: states in the paper, linearised steps here."""
    fit = content["fits"]["reverse bytes against T p"]
    return as_predicted(fit, "reverse: memory linear in T · p", "step and weight", "T states")


def forward_memory(content: Content) -> Claim:
    """FORWARD-HG keeps no history."""
    off = content["fits"]["forward megabytes against T"]["deviation %"]
    return Claim(
        f"forward: memory flat in T, within {SAME} % of the median", "flat", f"{off:.1f} %",
        off <= SAME,
    )  # fmt: skip


def checkpointed_memory(content: Content) -> Claim:
    """Checkpointing keeps √T states and √T linearised steps."""
    fit = content["fits"]["checkpointed bytes against √T p"]
    return as_predicted(fit, "checkpointed: memory linear in √T · p", "√step and weight", "")


def as_predicted(fit: Content, text: str, unit: str, paper: str) -> Claim:
    """The points lie on a line whose slope is the size of what is kept."""
    off = 100 * abs(fit["slope"] / fit["predicted slope"] - 1)
    return Claim(
        f"{text}, R² ≥ {LINE}, within {SLOPE} % of {fit['predicted slope']:g} bytes a {unit}",
        paper,
        f"R² = {fit['R2']:.4f}, {fit['slope']:.2f} bytes",
        fit["R2"] >= LINE and off <= SLOPE,
    )


RULES: dict[str, tuple[Rule, ...]] = {
    "costs": (
        forward_time,
        forward_exponent,
        columns_exponent,
        reverse_time,
        reverse_memory,
        forward_memory,
        checkpointed_memory,
    ),
}
