"""Judge the claims of section 5.3 of the paper on our Table 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paper_repro.claim import Claim, Rows, Rule
from paper_repro.interval import interval

TITLE = "Phone classification (section 5.3)"

PAPER: Rows = (
    ("method", "frame accuracy, %", "minutes"),
    ("Vanilla", "59.81", "12"),
    ("RS", "60.36", "300"),
    ("RTHO", "61.97", "164"),
    ("RTHO-NT", "61.38", "289"),
)

Content = Mapping[str, Any]


def better_than_vanilla(content: Content) -> Claim:
    """Hyperparameters learnt in real time beat fixed ones."""
    return ahead(content, "RTHO", "Vanilla", "61.97 > 59.81")


def better_than_search(content: Content) -> Claim:
    """They beat random search, which gets more time."""
    return ahead(content, "RTHO", "RS", "61.97 > 60.36")


def nothing_to_start_from(content: Content) -> Claim:
    """They beat fixed ones even if they all start at zero."""
    return ahead(content, "RTHO-NT", "Vanilla", "61.38 > 59.81")


def ahead(content: Content, first: str, second: str, paper: str) -> Claim:
    """Compare one run of each; a small difference may be due to the seed."""
    found = {row["method"]: row["test accuracy"] for row in content["rows"]}
    return Claim(
        f"{first} > {second}, in test accuracy; one seed",
        paper,
        f"{found[first]:.2f}, {found[second]:.2f}",
        found[first] > found[second],
    )


# --- over seeds ---


def better_than_vanilla_over_seeds(content: Content) -> Claim:
    """Hyperparameters learnt in real time beat fixed ones on average over seeds."""
    return ahead_over_seeds(content, "RTHO", "Vanilla", "61.97 > 59.81")


def better_than_search_over_seeds(content: Content) -> Claim:
    """They beat random search on average over seeds."""
    return ahead_over_seeds(content, "RTHO", "RS", "61.97 > 60.36")


def nothing_to_start_from_over_seeds(content: Content) -> Claim:
    """They beat fixed ones even if they all start at zero, on average over seeds."""
    return ahead_over_seeds(content, "RTHO-NT", "Vanilla", "61.38 > 59.81")


def ahead_over_seeds(content: Content, first: str, second: str, paper: str) -> Claim:
    """Compare by paired differences: both use the same mini-batches and start for each seed."""
    found = {row["method"]: np.array(row["each"]["test accuracy"]) for row in content["rows"]}
    mean, half = interval(found[first] - found[second])
    return Claim(
        f"{first} − {second} on the same seed: the 95 % interval of the mean is above 0",
        paper,
        f"{mean:+.2f}, {mean - half:+.2f} … {mean + half:+.2f}; {len(found[first])} seeds",
        mean - half > 0,
    )


RULES: dict[str, tuple[Rule, ...]] = {
    "phones-table3": (better_than_vanilla, better_than_search, nothing_to_start_from),
    "phones-seeds": (
        better_than_vanilla_over_seeds,
        better_than_search_over_seeds,
        nothing_to_start_from_over_seeds,
    ),
}
