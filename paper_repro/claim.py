"""What the paper says about a result, beside what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Claim:
    """One sentence of the paper, judged by a rule that stands in it.

    text     what is claimed, with the rule: "Baseline < every DH-R ≤ Oracle + 0.5"
    paper    the paper's numbers; "" where it tells none
    found    those of the result
    agrees   whether the rule holds for the result; None where nothing can be said
    """

    text: str
    paper: str
    found: str
    agrees: bool | None


Rule = Callable[[Mapping[str, Any]], Claim]  # of the content of one JSON file
NOT_A_RESULT = (KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError)


def judge(rule: Rule, content: Mapping[str, Any]) -> Claim:
    """The claim of a rule; one that says so where the content is not what the rule reads."""
    try:
        return rule(content)
    except NOT_A_RESULT as error:
        what = (rule.__doc__ or rule.__name__).strip().splitlines()[0]
        return Claim(what, "", f"not to be judged: {type(error).__name__}: {error}", None)
