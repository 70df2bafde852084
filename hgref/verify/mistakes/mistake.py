"""One entry of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hgref.verify.mistakes.computation import Computation

Change = Callable[[Computation], Iterator[tuple[str, Computation]]]


@dataclass(frozen=True)
class Mistake:
    """A known way of getting a hypergradient wrong.

    name       short, for code
    sentence   what was done
    effect     its consequence
    reference  where it was seen
    change     function of a Computation: yields pairs (variant, Computation with the mistake made);
               none if the mistake cannot be made on this problem
    """

    name: str
    sentence: str
    effect: str
    reference: str
    change: Change

    def __repr__(self) -> str:
        return f"Mistake({self.name!r})"
