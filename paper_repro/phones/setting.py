"""The setting of the experiment, and its presets."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hgref.arguments import as_count
from paper_repro.preset import Preset


@dataclass(frozen=True)
class Setting(Preset):
    """The speech, the network and the steps.

    source      see paper_repro.data.speech.phones
    minutes     of speech; None: all
    context     frames to each side
    q           length of the secondary target
    hidden      widths of the layers of rectified units
    batch       frames in a mini-batch
    T           largest number of steps
    every       Δ: steps between two evaluations ("looks") of the validation error, and between two
                updates of λ
    valid       number of validation frames, drawn at random, over which the error is averaged
    eta, mu     the rates of Vanilla, at which RTHO also starts
    outer_rate  of Adam on λ = (η, μ, ρ)
    patience    Vanilla stops after so many looks without a better accuracy (by `better`, relative)
    budget      seconds of random search, as a multiple of those of RTHO; in the paper 300/164
    authors     as in the authors' code: the outputs of the second head are rectified, and ρ is in
                its unit, where the second error is a mean over the q outputs, not a sum: Adam's
                steps of ρ are q times smaller
    layer       of hgref that trains: cpu or cuda
    seed        of mini-batches, start, validation frames and random search
    """

    minutes: float | None
    context: int
    q: int
    hidden: tuple[int, ...]
    T: int
    every: int
    valid: int
    batch: int = 200
    eta: float = 0.075
    mu: float = 0.5
    outer_rate: float = 0.005
    patience: int = 10
    better: float = 0.01
    budget: float = 300 / 164
    authors: bool = False
    source: str = "auto"
    layer: str = "cpu"
    seed: int = 0

    @property
    def experiment(self) -> str:
        """The stem of the results' names."""
        return "phones-authors" if self.authors else "phones"

    def checked(self) -> Setting:
        for name in ("seed", "context"):
            as_count(name, getattr(self, name), 0)
        for name in ("q", "T", "valid", "batch", "patience"):
            as_count(name, getattr(self, name), 1)
        as_count("every", self.every, 1, self.T)
        if self.authors and self.layer == "cuda":
            raise ValueError("layer: expected cpu with --authors, whose second head has no kernel")
        for width in self.hidden:
            as_count("hidden", width, 1)
        for name in ("minutes", "budget", "outer_rate"):
            number = getattr(self, name)
            if number is not None and not 0 < number < math.inf:
                raise ValueError(f"{name}: expected a number above 0, found {number:g}")
        return self


# takes four minutes on two cores; T is enough for the η of RTHO-NT to decay
DEFAULT = Setting(minutes=10, context=2, q=60, hidden=(128, 128), T=12_000, every=40, valid=2000)

# the same, with the authors' second head and their unit of ρ
AUTHORS = DEFAULT.changed(authors=True)

# the paper's network, Δ and validation frames; takes days on two cores
PAPER = Setting(
    minutes=None, context=5, q=300, hidden=(2000,) * 4, T=200_000, every=200, valid=100_000
)

# takes seconds, to check that everything runs
SMALL = Setting(minutes=0.5, context=0, q=20, hidden=(16,), T=120, every=20, valid=200)

PRESETS = {"default": DEFAULT, "paper": PAPER, "authors": AUTHORS, "small": SMALL}
