"""What a run of the experiment depends on, and the sizes it comes in."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hgref.arguments import as_count
from paper_repro.preset import Preset


@dataclass(frozen=True)
class Setting(Preset):
    """Softmax regression by momentum with m penalties, as large as a laptop does in a minute.

    hypers       the numbers m of penalties, along the axis of the seconds
    weights      the numbers p of weights, along the axis of the megabytes
    steps        the numbers T of steps, a line of megabytes each
    examples, features, classes, T   of the problem that is timed
    rounds       how often everything is timed
    slow_rounds  how often what takes over `slow` seconds is timed
    seed         of all random data
    """

    hypers: tuple[int, ...]
    weights: tuple[int, ...]
    steps: tuple[int, ...]
    examples: int
    features: int
    classes: int
    T: int
    rounds: int
    slow_rounds: int = 3
    slow: float = 2.0
    seed: int = 0

    @property
    def ticks(self) -> int:
        """How often the progress bar moves."""
        return self.rounds + len(self.weights) * len(self.steps)

    def checked(self) -> Setting:
        as_count("seed", self.seed, 0)
        as_count("rounds", self.rounds, 1)
        return self


DEFAULT = Setting(
    hypers=(1, 16, 32, 48, 64, 80, 96),
    weights=(1_000, 3_000, 10_000, 30_000),
    steps=(64, 128, 256),
    examples=1000,
    features=63,
    classes=5,
    T=20,
    rounds=11,
)

# seconds: to see that everything runs; too little to be timed well
SMALL = replace(
    DEFAULT, hypers=(1, 16, 48), weights=(1_000, 2_000), steps=(16, 32, 64), T=5, rounds=2
)

# the paper tells no sizes: only the rounds are more
PAPER = replace(DEFAULT, rounds=21)

PRESETS = {"default": DEFAULT, "paper": PAPER, "small": SMALL}
