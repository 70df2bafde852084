"""One entry of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hgref.verify.mistakes.plan import Plan

Change = Callable[[Plan], Iterator[tuple[str, Plan]]]


@dataclass(frozen=True)
class Mistake:
    """A known way of getting a hypergradient wrong.

    name       short, for code
    sentence   what was done
    effect     what comes of it
    reference  where it was seen
    change     function of a Plan: (which variant, the Plan with the mistake in it), none where the
               mistake cannot be made on this problem
    """

    name: str
    sentence: str
    effect: str
    reference: str
    change: Change

    def __repr__(self) -> str:
        return f"Mistake({self.name!r})"
