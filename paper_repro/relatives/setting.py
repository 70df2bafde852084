"""The setting of the experiment, and its presets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hgref.arguments import as_count
from paper_repro.preset import Preset


@dataclass(frozen=True)
class Setting(Preset):
    """Softmax regression on few examples, with a penalty: J is strongly convex, so a limit exists.

    examples, validation  numbers of training and validation examples
    features, classes     p = classes · (features + 1) weights
    l2                    the penalty, which is also the least curvature of J
    w0                    standard deviation of the initial weights; they are not 0, so that there
                          is something to forget in directions curved only by the penalty
    T, eta, mu            of the run whose hypergradient all methods compute
    slots                 numbers of states that checkpointing may keep
    tol                   relative residual of the linear solvers for the implicit gradient
    dropped               shares of ∇f that truncation may drop; each gives a K
    gd_eta, gd_T          gradient descent towards the limit: its rate and its longest run
    momentum_eta, momentum_T  the same for momentum, with the same mu
    points                number of run lengths up to the longest, evenly spaced
    rounds, slow_rounds   how often a method is timed; the second if it takes more than `slow`
                          seconds
    seed                  of all random data
    """

    examples: int = 20
    validation: int = 100
    features: int = 199
    classes: int = 5
    l2: float = 0.01
    w0: float = 0.1
    T: int = 2000
    eta: float = 0.05
    mu: float = 0.9
    slots: tuple[int, ...] = (3, 5, 10, 20)
    tol: float = 1e-6
    dropped: tuple[float, ...] = (0.1, 0.01, 0.001)
    gd_eta: float = 0.5
    gd_T: int = 3000
    momentum_eta: float = 0.2
    momentum_T: int = 800
    points: int = 10
    rounds: int = 3
    slow_rounds: int = 1
    slow: float = 1.0
    seed: int = 0

    @property
    def hypers(self) -> int:
        """m: η, μ, the penalty, and a weight for each example."""
        return 3 + self.examples

    @property
    def ticks(self) -> int:
        """The total of the progress bar: directions, rounds, methods (at most) and points."""
        methods = 7 + len(self.slots) + len(self.dropped)
        return self.hypers + self.rounds + methods + 2 * self.points

    def checked(self) -> Setting:
        as_count("seed", self.seed, 0)
        as_count("rounds", self.rounds, 1)
        as_count("T", self.T, 2)
        return self


DEFAULT = Setting()

# takes seconds, to check that everything runs; a stronger penalty lets shorter runs converge
SMALL = replace(
    DEFAULT, examples=5, validation=20, features=19, l2=0.1, T=150, eta=0.1, slots=(3, 10),
    gd_eta=1.0, gd_T=180, momentum_eta=0.02, momentum_T=720, points=6, rounds=1,
)  # fmt: skip

# the paper has no such experiment, so only the number of rounds differs
PAPER = replace(DEFAULT, rounds=11, slow_rounds=3)

PRESETS = {"default": DEFAULT, "paper": PAPER, "small": SMALL}
