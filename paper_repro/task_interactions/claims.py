"""Judge the claims of section 5.2 of the paper on our Table 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paper_repro.claim import Claim, Rows, Rule

TITLE = "Task interactions (section 5.2)"
NEARLY = 0.2  # points of accuracy by which HMTL-S may be worse than HMTL by chance

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
    row = rows(content)["HMTL"]
    low, high = row["95 % interval"]
    return Claim(
        "HMTL − SLT on the same split: the 95 % interval of the mean is above 0",
        "+3.38, +2.16 (means alone)",
        f"{row['gain over SLT']:+.2f}, {low:+.2f} … {high:+.2f}",
        low > 0,
    )


def better_than_all_alike(content: Content) -> Claim:
    """A separate relation for each pair beats one relation for all pairs."""
    found = accuracies(content)
    return Claim(
        "HMTL > NMTL, in mean test accuracy",
        "70.85 > 69.41, 21.15 > 19.19",
        f"{found['HMTL']:.2f}, {found['NMTL']:.2f}",
        found["HMTL"] > found["NMTL"],
    )


def few_relations_suffice(content: Content) -> Claim:
    """A bound on the sum of the relations costs no accuracy."""
    found = accuracies(content)
    return Claim(
        f"HMTL-S ≥ HMTL − {NEARLY:g}, in mean test accuracy",
        "71.62 ≥ 70.85, 22.09 ≥ 21.15",
        f"{found['HMTL-S']:.2f}, {found['HMTL']:.2f}",
        found["HMTL-S"] >= found["HMTL"] - NEARLY,
    )


def rows(content: Content) -> dict[str, Any]:
    return {row["method"]: row for row in content["rows"]}


def accuracies(content: Content) -> dict[str, float]:
    return {name: row["test accuracy"] for name, row in rows(content).items()}


TABLE_2 = (relations_help, better_than_all_alike, few_relations_suffice)
RULES: dict[str, tuple[Rule, ...]] = {
    "task-interactions-table2": TABLE_2,
    "task-interactions-phones-table2": TABLE_2,
}
