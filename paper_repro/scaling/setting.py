"""The sizes of the problems, and how often they are timed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hgref.arguments import as_count
from paper_repro.preset import Preset


@dataclass(frozen=True)
class Setting(Preset):
    """Problems with examples like digits that two cores solve in seconds.

    examples, features, classes   of each
    T             steps of the linear models;  network_T: of the network on mini-batches
    hidden, batch of the network
    penalties     of the model whose columns of Z are shared; with η they are m
    shared_T, shared_rounds   its steps and timings
    workers       processes
    budgets       of the plan, for each problem
    rounds        timings of each way, in turn; slow_rounds: of ways that take over `slow` seconds
    seed          of all random data
    """

    examples: int
    features: int
    classes: int
    T: int
    network_T: int
    hidden: int
    batch: int
    penalties: int = 31
    shared_T: int = 40
    shared_rounds: int = 7
    workers: int = 2
    budgets: tuple[str, str, str] = ("20 MB", "250 MB", "150 MB")
    rounds: int = 5
    slow_rounds: int = 3
    slow: float = 5.0
    seed: int = 0

    def checked(self) -> Setting:
        as_count("seed", self.seed, 0)
        as_count("rounds", self.rounds, 1)
        as_count("workers", self.workers, 2)
        return self


DEFAULT = Setting(
    examples=5000, features=784, classes=10, T=50, network_T=100, hidden=128, batch=200
)

# a smoke test of a few seconds: too small for exact timings
SMALL = replace(
    DEFAULT, examples=300, features=50, classes=3, T=12, network_T=12, hidden=8, batch=20,
    penalties=7, shared_T=12, shared_rounds=2, budgets=("320 kB", "1 MB", "1 MB"), rounds=2,
)  # fmt: skip

PRESETS = {"default": DEFAULT, "small": SMALL}
