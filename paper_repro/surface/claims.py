"""What the authors' picture of the response surface shows, judged on ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paper_repro.claim import Claim, Rows, Rule

TITLE = "The response surface, and two ways down it (sections 3.1 and 3.3)"
PAPER: Rows = ()  # the authors' picture is recalled as a shape, not as numbers

NEAR = 10  # per cent above the smallest f of the grid

Content = Mapping[str, Any]


def descends(content: Content) -> Claim:
    """Full hypergradients lead down."""
    ends = [(one["f"][0], one["f"][-1]) for one in content["reverse"]]
    return Claim(
        "REVERSE-HG: f at the end of every path < f at its start",
        "the path leads down",
        ", ".join(f"{first:.3f} → {last:.3f}" for first, last in ends),
        all(last < first for first, last in ends),
    )


def arrives(content: Content) -> Claim:
    """Full hypergradients arrive at the valley."""
    low = min(f for row in content["f"] for f in row if f is not None)
    worst = max(one["f"][-1] for one in content["reverse"])
    above = 100 * (worst / low - 1)
    return Claim(
        f"REVERSE-HG: every path ends at most {NEAR} % above the grid's smallest f",
        "",
        f"{above:.1f} % above {low:.3f}",
        above <= NEAR,
    )


def real_time_gains(content: Content) -> Claim:
    """RTHO beats the hyperparameters that it starts with."""
    pairs = [(one["f at the end, start kept"], one["f"][-1]) for one in content["realtime"]]
    return Claim(
        "RTHO: E(s_t) at the last update < E(s_T) of the same run with λ left at its start",
        "",
        ", ".join(f"{moved:.3f} against {still:.3f}" for still, moved in pairs),
        all(moved < still for still, moved in pairs),
    )


RULES: dict[str, tuple[Rule, ...]] = {"surface": (descends, arrives, real_time_gains)}
