"""Two problems too large for a desktop machine, planned from their sizes alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import hgref
from hgref.planning.sizes import Data, Sizes


class Paper(NamedTuple):
    """A problem in numbers, the memory of a process, and what it is."""

    title: str
    about: str
    sizes: Sizes
    budget: str
    workers: int


# TIMIT has 1.1 million training frames; the networks' inputs are 11 frames of 123 numbers
FRAMES, VALID = 1_100_000, 100_000
PHONES = (11 * 123, 2000, 2000, 2000, 2000, 183)
BILLION = (8192,) * 16

PAPERS = (
    Paper(
        "The paper's phones (section 5.3)",
        "four hidden layers of 2000 units on 11 frames of 123 numbers, 183 outputs, by momentum on "
        "mini-batches of 200; λ is η, μ and ρ; 20,000 steps, some four epochs",
        Sizes(T=20_000, m=3, state=2, rates=2, J=(Data(FRAMES, PHONES, batch=200, itemsize=4),),
              E=(Data(VALID, PHONES, itemsize=4),)),
        "64 GB", 3,
    ),
    Paper(
        "A billion weights",
        "fifteen layers of 8192 by 8192, by Adam on mini-batches of 512 of a million examples; λ "
        "is η, β₁, β₂, ε and the decay of the weights of each layer; 10,000 steps",
        Sizes(T=10_000, m=19, state=3, rates=4, penalties=1,
              J=(Data(1_000_000, BILLION, batch=512, itemsize=4),),
              E=(Data(10_000, BILLION, itemsize=4),)),
        "1 TB", 19,
    ),
)  # fmt: skip


def rows() -> list[dict[str, Any]]:
    """The plan of each problem."""
    return [planned(paper) for paper in PAPERS]


def planned(paper: Paper) -> dict[str, Any]:
    s = paper.sizes
    made = hgref.plan(s, paper.budget, workers=paper.workers, dtype="float32")
    return {
        "title": paper.title,
        "about": paper.about,
        "weights": s.p,
        "state": s.d,
        "m": s.m,
        "T": s.T,
        "budget": paper.budget,
        "plan": str(made),
        "best": None if made.best is None else made.best.call,
    }
