"""The setting of the experiment, and its presets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hgref.arguments import as_count
from paper_repro.preset import Preset


@dataclass(frozen=True)
class Setting(Preset):
    """An untrained network whose task is to remember its first input.

    T       length of the sequence: x_1 is 1, the others are noise
    hidden  number of units; the target of the first unit at t = T is x_1
    noise   standard deviation of x_2 … x_T
    gain    W is this factor times an orthogonal matrix; 1.1 compensates for the slope of tanh, so
            that the network forgets little in T steps
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

# the paper has no such experiment, so its preset is the default
PRESETS = {"default": DEFAULT, "paper": DEFAULT, "small": SMALL}
