"""Judge the claims of section 5.1 of the paper on our Table 1 and Figure 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from paper_repro.claim import Claim, Rows, Rule

TITLE = "Data hyper-cleaning (section 5.1)"
ABOVE_ORACLE = 0.5  # points of accuracy by which a cleaned model may beat the oracle by chance
GAP_CLOSED = 75  # least share of the gap that must be closed, in per cent
FOUND = 0.9  # least F1
ALIKE = 0.5  # largest distance between the accuracies of two R, in points
NEAR = 1  # largest distance from the paper's accuracies at the paper's size, in points
TIMES = 5  # least ratio of wrong to right labels among the discarded

PAPER: Rows = (
    ("method", "test accuracy", "F1"),
    ("Oracle", "90.46", ""),
    ("Baseline", "87.74", ""),
    ("DH-1000", "90.07", "0.9137"),
    ("DH-1500", "90.06", "0.9244"),
    ("DH-2000", "90.00", "0.9211"),
    ("DH-2500", "90.09", "0.9217"),
)

Content = Mapping[str, Any]


def between(content: Content) -> Claim:
    """Every cleaned model lies between Baseline and Oracle."""
    low, high, cleaned = accuracies(content)
    return Claim(
        f"Baseline < every DH-R ≤ Oracle + {ABOVE_ORACLE:g}, in test accuracy",
        "87.74; 90.00 … 90.09; 90.46",
        f"{low:.2f}; {min(cleaned):.2f} … {max(cleaned):.2f}; {high:.2f}",
        low < min(cleaned) and max(cleaned) <= high + ABOVE_ORACLE,
    )


def gap_closed(content: Content) -> Claim:
    """Cleaning recovers most of the accuracy that the wrong labels cost."""
    low, high, cleaned = accuracies(content)
    text = f"every DH-R closes at least {GAP_CLOSED} % of the gap from Baseline to Oracle"
    if not low < high:
        return Claim(text, "83 % … 86 %", "there is no gap", False)
    least, most = (100 * (one - low) / (high - low) for one in (min(cleaned), max(cleaned)))
    return Claim(text, "83 % … 86 %", f"{least:.0f} % … {most:.0f} %", least >= GAP_CLOSED)


def wrong_labels_found(content: Content) -> Claim:
    """λ identifies the wrong labels."""
    scores = [row["F1"] for row in content["rows"] if row["F1"] is not None]
    return Claim(
        f"every DH-R finds the wrong labels with F1 ≥ {FOUND:g}",
        "0.9137 … 0.9244",
        f"{min(scores):.4f} … {max(scores):.4f}",
        min(scores) >= FOUND,
    )


def R_hardly_matters(content: Content) -> Claim:
    """The accuracy hardly depends on the bound R."""
    *_, cleaned = accuracies(content)
    return Claim(
        f"test accuracies of all R within {ALIKE:g} of each other",
        "0.09 apart",
        f"{max(cleaned) - min(cleaned):.2f} apart",
        max(cleaned) - min(cleaned) <= ALIKE if len(cleaned) > 1 else None,
    )


def best_between(content: Content) -> Claim:
    """The wrong labels are found best by an R that is neither the smallest nor the largest."""
    scores = [row["F1"] for row in content["rows"] if row["F1"] is not None]
    return Claim(
        "F1 is largest for an R between the smallest and the largest",
        "0.9137, 0.9244, 0.9211, 0.9217",
        ", ".join(f"{score:.4f}" for score in scores),
        max(scores) > max(scores[0], scores[-1]) if len(scores) > 2 else None,
    )


def near_the_paper(content: Content) -> Claim:
    """At the paper's size, the accuracies are the paper's."""
    paper = {method: float(accuracy) for method, accuracy, _ in PAPER[1:]}
    found = {row["method"]: row["test accuracy"] for row in content["rows"]}
    both = [method for method in paper if method in found]
    return Claim(
        f"test accuracies within {NEAR} of the paper's: {', '.join(both)}",
        ", ".join(f"{paper[method]:.2f}" for method in both),
        ", ".join(f"{found[method]:.2f}" for method in both),
        all(abs(paper[method] - found[method]) <= NEAR for method in both),
    )


def wrong_ones_go(content: Content) -> Claim:
    """Most discarded examples have a wrong label."""
    true, false = content["curves"]["TP"][-1], content["curves"]["FP"][-1]
    return Claim(
        f"Figure 1: of the discarded, at the end TP ≥ {TIMES} FP",
        "",
        f"TP = {true}, FP = {false}",
        true > 0 and true >= TIMES * false,
    )


def validation_improves(content: Content) -> Claim:
    """Hyper-iterations raise the validation accuracy."""
    path = content["curves"]["validation accuracy"]
    return Claim(
        "Figure 1: validation accuracy is higher at the end than at the start",
        "",
        f"{path[0]:.2f} → {path[-1]:.2f}",
        path[-1] > path[0],
    )


def accuracies(content: Content) -> tuple[float, float, list[float]]:
    """Test accuracies: Baseline, Oracle, and every DH-R."""
    found = {row["method"]: row["test accuracy"] for row in content["rows"]}
    return found.pop("Baseline"), found.pop("Oracle"), list(found.values())


def of_means(rule: Rule) -> Rule:
    """Turn a rule about Table 1 into one about its means over seeds."""

    def judged(content: Content) -> Claim:
        claim = rule(content)
        return replace(claim, text=f"{claim.text}; means over {len(content['seeds'])} seeds")

    judged.__doc__ = rule.__doc__
    return judged


TABLE_1 = (between, gap_closed, wrong_labels_found, R_hardly_matters, best_between)
FIGURE_1 = (wrong_ones_go, validation_improves)
RULES: dict[str, tuple[Rule, ...]] = {
    "hyper-cleaning-table1": TABLE_1,
    "hyper-cleaning-seeds": tuple(of_means(rule) for rule in TABLE_1),
    "hyper-cleaning-figure1": FIGURE_1,
    "hyper-cleaning-paper-table1": (*TABLE_1, near_the_paper),
    "hyper-cleaning-paper-figure1": FIGURE_1,
}
