"""The sizes of the benchmark's problems: default, and small to check that it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Seeded(Protocol):
    """A setting with a seed for random data."""

    @property
    def seed(self) -> int: ...


class Rounds(Protocol):
    """How often everything is timed; contenders slower than `slow` seconds get fewer rounds."""

    @property
    def rounds(self) -> int: ...

    @property
    def slow_rounds(self) -> int: ...

    @property
    def slow(self) -> float: ...


@dataclass(frozen=True)
class Setting:
    """Sizes, and how often everything is timed.

    examples, features, classes   of the softmax regression and the network; the validation set
                                  has the same size
    density                       share of nonzero entries in the sparse data
    T, forward_T, network_T       steps of P1, P2 and P4
    hidden, batch                 width of the network's hidden layer, examples in a mini-batch
    few_examples, few_features, few_classes, few_T   of the small problem, P3
    memory_T                      steps of P1 when its memory is measured
    rounds, slow_rounds           how often each contender is timed; the second if it takes more
                                  than `slow` seconds
    dtypes                        the precisions to time, if the problem supports them
    seed                          of all random data
    """

    examples: int = 5000
    features: int = 784
    classes: int = 10
    density: float = 0.18
    T: int = 100
    forward_T: int = 30
    network_T: int = 50
    hidden: int = 128
    batch: int = 200
    few_examples: int = 200
    few_features: int = 20
    few_classes: int = 3
    few_T: int = 1000
    memory_T: int = 1000
    rounds: int = 7
    slow_rounds: int = 3
    slow: float = 5.0
    dtypes: tuple[str, ...] = ("float64", "float32")
    seed: int = 0


SMALL = Setting(
    examples=100,
    features=20,
    classes=3,
    T=6,
    forward_T=5,
    network_T=5,
    hidden=8,
    batch=20,
    few_examples=40,
    few_features=5,
    few_T=30,
    memory_T=40,
    rounds=2,
    slow_rounds=2,
    dtypes=("float64",),  # a second one would double the compile time
)

SETTINGS = {"default": Setting(), "small": SMALL}
