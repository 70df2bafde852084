"""The setting of the three experiments, and its presets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hgref.arguments import as_count
from paper_repro.preset import Preset


@dataclass(frozen=True)
class Setting(Preset):
    """Softmax regression on random numbers, labelled by a random linear model.

    examples, validation, features, classes   of the data; a share `wrong` of the training labels
                    is random
    batch, T        of the run in real time: momentum on mini-batches, η learned from `eta` on
    every, rate     Δ and Adam's rate on η
    discounts       γ of each path;  repeats: mini-batches and starts, over which errors are means
    l2, steps       penalty and length of the run that comes to its limit, by gradient descent
    tolerances      of the solvers, one point each;  K: lengths of truncation, one point each
    short           steps of the run whose gradient is estimated
    directions      k of each estimate;  estimates: of each k, over which squared errors are means
    seed            of all random numbers
    """

    examples: int = 400
    validation: int = 400
    features: int = 20
    classes: int = 5
    wrong: float = 0.1
    batch: int = 20
    T: int = 1000
    eta: float = 0.001
    mu: float = 0.9
    every: int = 5
    rate: float = 0.003
    discounts: tuple[float, ...] = (0.0, 0.5, 0.9, 0.98, 1.0)
    repeats: int = 5
    l2: float = 0.05
    steps: int = 600
    tolerances: tuple[float, ...] = (0.3, 1e-1, 3e-2, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    K: tuple[int, ...] = (1, 3, 10, 30, 100, 200, 300)
    short: int = 20
    directions: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    estimates: int = 100
    seed: int = 0

    def checked(self) -> Setting:
        as_count("seed", self.seed, 0)
        for name in ("T", "steps", "repeats", "estimates", "short"):
            as_count(name, getattr(self, name), 1)
        return self

    @property
    def ticks(self) -> int:
        """The total of the progress bar."""
        return len(self.discounts) * self.repeats + 3 + len(self.directions)


DEFAULT = Setting()

# takes seconds, to check that everything runs
SMALL = replace(
    DEFAULT, T=100, repeats=2, discounts=(0.0, 0.9, 1.0), steps=300, l2=0.1,
    tolerances=(1e-1, 1e-3, 1e-6), K=(1, 10, 100), directions=(1, 4, 16), estimates=100,
)  # fmt: skip

# the paper has no such experiment, so only the number of repeats differs
PAPER = replace(DEFAULT, repeats=30, estimates=1000)

PRESETS = {"default": DEFAULT, "paper": PAPER, "small": SMALL}
