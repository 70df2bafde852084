"""The setting of the experiment, and its presets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hgref.arguments import as_count
from paper_repro.preset import Preset


@dataclass(frozen=True)
class Setting(Preset):
    """Softmax regression by momentum with m penalties, sized for about a minute on a laptop.

    hypers       values of m (penalties) for the curve of seconds
    weights      values of p (weights) for the curves of megabytes, large enough for arrays to
                 outweigh some 20 kB that Python keeps of freed objects
    steps        values of T (steps), one curve of megabytes each
    examples, features, classes, T   of the problem that is timed
    rounds       how often each algorithm is timed
    slow_rounds  the same for an algorithm that takes more than `slow` seconds
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
        """The total of the progress bar."""
        return self.rounds + len(self.weights) * len(self.steps)

    def checked(self) -> Setting:
        as_count("seed", self.seed, 0)
        as_count("rounds", self.rounds, 1)
        return self


DEFAULT = Setting(
    hypers=(1, 16, 32, 48, 64, 80, 96),
    weights=(3_000, 6_000, 12_000, 24_000),
    steps=(64, 128, 256),
    examples=1000,
    features=63,
    classes=5,
    T=100,
    rounds=7,
)

# takes seconds, to check that everything runs; too small for good timings
SMALL = replace(
    DEFAULT, hypers=(1, 16, 48), weights=(3_000, 6_000), steps=(16, 32, 64), T=5, rounds=2
)

# the paper gives no sizes, so only the number of rounds differs
PAPER = replace(DEFAULT, rounds=21)

PRESETS = {"default": DEFAULT, "paper": PAPER, "small": SMALL}
