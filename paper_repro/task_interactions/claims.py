"""Judge the claims of section 5.2 of the paper on our Table 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paper_repro.claim import Claim, Rows, Rule, greater
from paper_repro.interval import interval

TITLE = "Task interactions (section 5.2)"

PAPER: Rows = (
    ("method", "CIFAR-10", "CIFAR-100"),
    ("SLT", "67.47 ± 2.78", "18.99 ± 1.12"),
    ("NMTL", "69.41 ± 1.90", "19.19 ± 0.75"),
    ("HMTL", "70.85 ± 1.87", "21.15 ± 0.36"),
    ("HMTL-S", "71.62 ± 1.34", "22.09 ± 0.29"),
)

Content = Mapping[str, Any]


def relations_help(content: Content) -> Claim:
    """Learning the relations between tasks beats learning each task alone."""
    return better(content, "HMTL", "SLT", "+3.38, +2.16 (means alone)")


def one_relation_helps(content: Content) -> Claim:
    """One relation for all pairs beats learning each task alone."""
    return better(content, "NMTL", "SLT", "+1.94, +0.20 (means alone)")


def better_than_all_alike(content: Content) -> Claim:
    """A separate relation for each pair beats one relation for all pairs."""
    return better(content, "HMTL", "NMTL", "+1.44, +1.96 (means alone)")


def few_relations_are_better(content: Content) -> Claim:
    """A bound on the sum of the relations raises the accuracy."""
    return better(content, "HMTL-S", "HMTL", "+0.77, +0.94 (means alone)")


def better(content: Content, first: str, second: str, paper: str) -> Claim:
    """Compare by paired differences: both use the same splits."""
    mean, half, splits = paired(content, first, second, "test")
    protocol = ", authors' protocol" if content["setting"].get("authors") else ""
    return greater(
        f"{first} > {second} in test accuracy, by the 95 % interval of the mean difference on the "
        "same split",
        paper,
        f"{mean:+.2f}, {mean - half:+.2f} … {mean + half:+.2f}; {splits} splits{protocol}",
        mean,
        half,
    )


def outer_loop_converged(content: Content) -> Claim:
    """HMTL-S minimises the same error over a part of HMTL's set, so its minimum is not lower."""
    mean, half, splits = paired(content, "HMTL-S", "HMTL", "error")
    return Claim(
        "E_val(HMTL) ≤ E_val(HMTL-S), as it must be where the outer loops have converged; in the "
        "95 % interval of the mean difference",
        "",
        f"E_val(HMTL-S) − E_val(HMTL) = {mean:+.3f}, {mean - half:+.3f} … {mean + half:+.3f}; "
        f"{splits} splits",
        mean + half >= 0,
    )


def paired(content: Content, first: str, second: str, what: str) -> tuple[float, float, int]:
    """Mean difference of two methods on the same split, half its 95 % interval, and how many."""
    of = [
        np.array([split[method][what] for split in content["splits"]]) for method in (first, second)
    ]
    return *interval(of[0] - of[1]), len(of[0])


ORDERS = (relations_help, one_relation_helps, better_than_all_alike, few_relations_are_better)
TABLE_2 = (*ORDERS, outer_loop_converged)
RULES: dict[str, tuple[Rule, ...]] = {
    "task-interactions-table2": TABLE_2,
    "task-interactions-converged-table2": TABLE_2,
    "task-interactions-phones-table2": TABLE_2,
    "task-interactions-authors-table2": ORDERS,  # its λ is not the last of the outer loop
}
