"""What a run of the experiment depends on, and the sizes it comes in."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hgref.arguments import as_count
from paper_repro.preset import Preset


@dataclass(frozen=True)
class Setting(Preset):
    """A network that shall hold its first input, not yet trained.

    T       length of the sequence: x_1 is 1, the others are noise
    hidden  units; the first of them shall be x_1 at t = T
    noise   standard deviation of x_2 … x_T
    gain    W is an orthogonal matrix times this: 1.1 makes up for the slope of tanh, so that little
            is forgotten in T steps
    seed    of the noise and the weights
    """

    T: int
    hidden: int
    noise: float = 0.3
    gain: float = 1.1
    seed: int = 1

    def checked(self) -> Setting:
        as_count("seed", self.seed, 0)
        as_count("T", self.T, 2)
        as_count("hidden", self.hidden, 1)
        return self


DEFAULT = Setting(T=30, hidden=8)

SMALL = replace(DEFAULT, T=6, hidden=3)

# the paper has no such experiment: the same
PRESETS = {"default": DEFAULT, "paper": DEFAULT, "small": SMALL}
