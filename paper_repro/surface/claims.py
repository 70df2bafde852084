"""Judge what the authors' picture of the response surface shows on our surface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paper_repro.claim import Claim, Rows, Rule

TITLE = "The response surface, and two ways down it (sections 3.1 and 3.3)"
PAPER: Rows = ()  # we know the shape of the authors' picture, not its numbers

NEAR = 10  # a path that ends at most this many per cent above the grid's smallest f has arrived

Content = Mapping[str, Any]


def descends(content: Content) -> Claim:
    """Full hypergradients lead downhill."""
    ends = [(one["f"][0], one["f"][-1]) for one in content["reverse"]]
    return Claim(
        "REVERSE-HG: f at the end of every path < f at its start",
        "the path leads down",
        ", ".join(f"{first:.3f} → {last:.3f}" for first, last in ends),
        all(last < first for first, last in ends),
    )


def arrives(content: Content) -> Claim:
    """Full hypergradients reach the valley."""
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
    """RTHO beats training with the hyperparameters at which it starts."""
    pairs = [(one["f at the end, start kept"], one["f"][-1]) for one in content["realtime"]]
    return Claim(
        "RTHO: E(s_t) at the last update < E(s_T) of the same run with λ left at its start",
        "",
        ", ".join(f"{moved:.3f} against {still:.3f}" for still, moved in pairs),
        all(moved < still for still, moved in pairs),
    )


RULES: dict[str, tuple[Rule, ...]] = {"surface": (descends, arrives, real_time_gains)}
