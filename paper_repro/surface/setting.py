"""The setting of the experiment, and its presets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hgref.arguments import as_count
from paper_repro.preset import Preset

Point = tuple[float, float]  # (log10 L2, log10 η)


@dataclass(frozen=True)
class Setting(Preset):
    """The network, the part of the plane that is drawn, and the two ways to descend.

    train, valid   numbers of digits; few for training, so that the penalty matters
    side           pixels per side, to which the digits are averaged
    hidden         width of the only hidden layer
    T              steps of gradient descent: f(λ) = E(s_T(λ))
    l2, eta        ranges of log10 L2 and log10 η in which the surface is drawn
    grid           points per side
    starts         the starting points of both ways
    hyper_iterations, outer_rate   of gradient descent on (log10 L2, log10 η) by REVERSE-HG
    every, realtime_rate           Δ and the rate of the same by RTHO, in a single run of T steps
    longest        largest length of a step on (log10 L2, log10 η); a longer one could jump over a
                   cliff of f, beyond which RTHO's training does not recover
    seed           of the split and the initial weights
    images         source of the images, see paper_repro.data.images
    """

    train: int
    valid: int
    T: int
    grid: int
    hyper_iterations: int
    every: int
    side: int = 7
    hidden: int = 16
    l2: Point = (-4.5, 1.0)
    eta: Point = (-2.0, 1.2)
    starts: tuple[Point, ...] = ((-4.0, -1.5), (-1.2, -1.0), (-1.5, 0.3))
    outer_rate: float = 0.3
    realtime_rate: float = 0.1
    longest: float = 0.15
    seed: int = 0
    images: str = "auto"

    @property
    def ticks(self) -> int:
        """The total of the progress bar."""
        return self.grid + len(self.starts) * (self.hyper_iterations + self.T // self.every)

    def checked(self) -> Setting:
        as_count("seed", self.seed, 0)
        as_count("grid", self.grid, 2)
        for name in ("train", "valid", "T", "hyper_iterations"):
            as_count(name, getattr(self, name), 1)
        return self


DEFAULT = Setting(train=100, valid=500, T=300, grid=31, hyper_iterations=40, every=10)

# takes seconds, to check that everything runs
SMALL = replace(DEFAULT, train=30, valid=60, hidden=4, T=20, grid=7, hyper_iterations=6, every=5)

# the paper gives no sizes, so only the grid differs
PAPER = replace(DEFAULT, grid=101)

PRESETS = {"default": DEFAULT, "paper": PAPER, "small": SMALL}
