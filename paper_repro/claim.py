"""Compare what the paper says about a result with what we found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, and whether our result agrees with it.

    text     the claim as a rule that can be checked: "Baseline < every DH-R ≤ Oracle + 0.5"
    paper    the paper's numbers; "" if it gives none
    found    our numbers
    agrees   whether the rule holds for our numbers; None if they cannot decide it
    """

    text: str
    paper: str
    found: str
    agrees: bool | None


def greater(text: str, paper: str, found: str, difference: float, half: float) -> Claim:
    """The claim that a difference is above 0; its interval is difference ± half.

    It holds if the interval is above 0, does not hold if it is below, and is undecided otherwise.
    """
    decided = abs(difference) > half
    return Claim(text, paper, found, difference > 0 if decided else None)


Rule = Callable[[Mapping[str, Any]], Claim]  # its argument is the content of one JSON file
NOT_A_RESULT = (KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError)


def judge(rule: Rule, content: Mapping[str, Any]) -> Claim:
    """Apply a rule; if it cannot read the content, return an undecided claim with the error."""
    try:
        return rule(content)
    except NOT_A_RESULT as error:
        what = (rule.__doc__ or rule.__name__).strip().splitlines()[0]
        return Claim(what, "", f"not to be judged: {type(error).__name__}: {error}", None)
