"""Judge the claims of section 5.3 of the paper on our Table 3."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial, update_wrapper
from typing import Any

import numpy as np

from paper_repro.claim import Claim, Rows, Rule, greater
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


# every order of two methods that Table 3 shows: (higher, lower, the paper's accuracies)
ORDERS = (
    ("RTHO", "Vanilla", "61.97 > 59.81"),
    ("RTHO", "RS", "61.97 > 60.36"),
    ("RTHO", "RTHO-NT", "61.97 > 61.38"),
    ("RTHO-NT", "Vanilla", "61.38 > 59.81"),
    ("RTHO-NT", "RS", "61.38 > 60.36"),
    ("RS", "Vanilla", "60.36 > 59.81"),
)


# what RTHO is compared with over many seeds, and what the paper says of it
ABLATIONS = (
    ("RTHO", "RTHO, one task", "the second task is there to help"),
    ("RTHO", "Vanilla, rates of RTHO", ""),
)


def ahead(first: str, second: str, paper: str, content: Content) -> Claim:
    """One method is more accurate than another; one run of each.

    The interval is that of two shares of so many independent frames. Frames of one voice are
    alike, and the seed matters too: the true interval is wider.
    """
    found = {row["method"]: row["test accuracy"] for row in content["rows"]}
    frames = content["data"]["frames"][-1]
    shares = (found[first] / 100, found[second] / 100)
    half = 196 * math.sqrt(sum(p * (1 - p) for p in shares) / frames)
    apart = found[first] - found[second]
    return greater(
        f"{first} > {second} in test accuracy, by the 95 % interval of the difference; one seed",
        paper,
        f"{found[first]:.2f}, {found[second]:.2f}: {apart:+.2f} ± {half:.2f}",
        apart,
        half,
    )


def ahead_over_seeds(first: str, second: str, paper: str, content: Content) -> Claim:
    """One method is more accurate than another on average over seeds.

    By paired differences: both use the same mini-batches and start for each seed.
    """
    found = {row["method"]: np.array(row["each"]["test accuracy"]) for row in content["rows"]}
    mean, half = interval(found[first] - found[second])
    return greater(
        f"{first} > {second} in test accuracy, by the 95 % interval of the mean difference on the "
        "same seed",
        paper,
        f"{mean:+.2f}, {mean - half:+.2f} … {mean + half:+.2f}; {len(found[first])} seeds",
        mean,
        half,
    )


def stops_by_itself(content: Content) -> Claim:
    """RTHO from zero ends because η has decayed."""
    (row,) = (row for row in content["rows"] if row["method"] == "RTHO-NT")
    return Claim(
        "RTHO-NT ends because η has decayed to 0",
        "so it ends",
        f"{row['ended']}, η = {row['end']['eta']:.4f} after {row['steps']} steps",
        row["ended"] == "η decayed",
    )


def quicker_than_search(content: Content) -> Claim:
    """RTHO takes less time than random search."""
    seconds = {row["method"]: row["seconds"] for row in content["rows"]}
    return Claim(
        "RTHO takes less time than RS, which is given a budget of it",
        "164 < 300 minutes",
        f"{seconds['RTHO']:.0f}, {seconds['RS']:.0f} seconds",
        seconds["RTHO"] < seconds["RS"],
    )


def each(rule: Any, orders: Any = ORDERS) -> tuple[Rule, ...]:
    return tuple(update_wrapper(partial(rule, *order), rule) for order in orders)


TABLE_3 = (*each(ahead), stops_by_itself, quicker_than_search)
RULES: dict[str, tuple[Rule, ...]] = {
    "phones-table3": TABLE_3,
    "phones-authors-table3": TABLE_3,
    "phones-seeds": each(ahead_over_seeds, ORDERS + ABLATIONS),
}
