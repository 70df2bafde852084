"""Judge what is known of the three experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paper_repro.claim import Claim, Rows, Rule

TITLE = "After the paper: discounts, solvers of the limit, estimates"
PAPER: Rows = ()  # the paper has none of it

ALIKE = 1e-10  # largest distance from hypergradient descent, in η
ERRORS = 4  # standard errors by which a mean may be off

Content = Mapping[str, Any]


def one_is_rtho(content: Content) -> Claim:
    """With γ = 1 nothing is discounted."""
    off = content["apart"]["from RTHO at 1"]
    return Claim("γ = 1: the path of η is RTHO's, bit for bit", "", f"{off:.0e} apart", off == 0)


def none_is_hypergradient_descent(content: Content) -> Claim:
    """With γ = 0 only the last step counts."""
    off = content["apart"]["from hypergradient descent at 0"]
    return Claim(
        f"γ = 0, Δ = 1: the path of η is hypergradient descent's, to {ALIKE:.0e}", "",
        f"{off:.0e} apart", off <= ALIKE,
    )  # fmt: skip


def cg_is_quickest(content: Content) -> Claim:
    """Conjugate gradients need the fewest products for the smallest tolerance."""
    found = {n: content["curves"][n]["products"][-1] for n in ("cg", "neumann", "fixed_point")}
    text = ", ".join(f"{name} {products}" for name, products in found.items())
    others = found["neumann"], found["fixed_point"]
    return Claim(
        "cg takes fewer products than neumann and fixed_point", "", text, found["cg"] < min(others)
    )


def as_the_closed_form(content: Content) -> Claim:
    """The variance of the estimates is (m − 1)/k ‖∇f‖²."""
    off = [abs(r["mean"] - r["closed form"]) / r["standard error"] for r in content["rows"]]
    return Claim(
        f"mean squared errors of the estimates: (m − 1)/k ‖∇f‖², within {ERRORS} standard errors",
        "", f"{max(off):.1f} at most", max(off) <= ERRORS,
    )  # fmt: skip


RULES: dict[str, tuple[Rule, ...]] = {
    "sequel-discount": (one_is_rtho, none_is_hypergradient_descent),
    "sequel-solvers": (cg_is_quickest,),
    "sequel-directions": (as_the_closed_form,),
}
