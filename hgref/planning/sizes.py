"""A problem in numbers: what a plan is made from, of a Problem or on paper."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from hgref.objectives import L2, Quadratic
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.losses import TwoClasses
from hgref.objectives.mlp import MLP
from hgref.objectives.multi_task import MultiTask
from hgref.objectives.objective import Objective
from hgref.problem import Problem

FEW = 200_000  # multiplications of a pass that is over before Python has called the next kernel


@dataclass(frozen=True)
class Data:
    """A data loss in numbers.

    n            examples
    widths       features N, units of each hidden layer, outputs
    batch        examples that a step sees; None: all
    nonzeros     entries of a sparse X; None: X is dense
    bias         whether layers have a bias
    weighted     whether each example has a weight in λ
    two_headed   whether λ has the weight of a second head
    two_classes  whether the one output is that of a logistic regression
    centred      whether the features are seen less a centre
    itemsize     bytes of an entry of X
    """

    n: int
    widths: tuple[int, ...]
    batch: int | None = None
    nonzeros: int | None = None
    bias: bool = True
    weighted: bool = False
    two_headed: bool = False
    two_classes: bool = False
    centred: bool = False
    itemsize: int = 8

    @classmethod
    def of(cls, part: DataLoss) -> Data:
        features: Any = part.features
        return cls(
            n=features.n,
            widths=tuple(part.widths) if isinstance(part, MLP) else (features.N, part.outputs),
            batch=None if features.batches is None else features.B,
            nonzeros=features.X.nnz if features.sparse else None,
            bias=bool(getattr(part, "bias", True)),
            weighted=part.example_weights,
            two_headed=isinstance(part, MultiTask) and part.name is not None,
            two_classes=isinstance(part.loss, TwoClasses),
            centred=features.centre is not None,
            itemsize=features.X.dtype.itemsize,
        )

    @property
    def B(self) -> int:
        """Examples of a step."""
        return self.n if self.batch is None else self.batch

    @property
    def N(self) -> int:
        return self.widths[0]

    @property
    def outputs(self) -> int:
        return self.widths[-1]

    @property
    def layered(self) -> bool:
        return len(self.widths) > 2

    @property
    def entries(self) -> int:
        """Numbers of X that are stored."""
        return self.n * self.N if self.nonzeros is None else self.nonzeros

    @property
    def seen(self) -> float:
        """Those that a step sees."""
        return self.entries * self.B / max(self.n, 1)

    @property
    def weights(self) -> int:
        """p of the model."""
        return sum((a + self.bias) * b for a, b in zip(self.widths, self.widths[1:], strict=False))

    @property
    def kept(self) -> int:
        """Numbers that an example leaves for the way back."""
        return kept_numbers(sum(self.widths[1:-1]), self.outputs, self.two_classes)

    def form(self, k: int) -> str:
        """How hgref.fast.cpu stores X for passes with k tangents: "sparse", "small" or "dense".

        Small is what is over before Python has come from one kernel to the next.
        """
        if self.nonzeros is not None:
            return "sparse"
        few = self.B * self.N * (1 + k) * self.outputs < FEW
        return "small" if few and not self.layered else "dense"

    @property
    def bytes(self) -> int:
        """Of X, with four bytes for the column of a sparse entry, and of the targets."""
        X = self.entries * (self.itemsize + (4 if self.nonzeros is not None else 0))
        return X + 8 * self.n * self.outputs


def kept_numbers(hidden: int, outputs: int, two_classes: bool) -> int:
    """Of each hidden unit h, x, b_h; of each output its mean, and σ(−z) where that is σ(z)."""
    return 3 * hidden + (2 if two_classes else 1) * outputs


@dataclass(frozen=True)
class Sizes:
    """A problem in numbers: `Sizes.of(problem)`, or on paper.

        Sizes(T=20_000, m=3, state=2, rates=2, J=(Data(10**6, (123, 2000, 183), batch=200),))

    T          steps
    m          hyperparameters that are wanted
    J, E       the data losses of the training objective, and of the validation error
    state      blocks of a state: 1 gradient descent, 2 momentum, 3 Adam
    rates      hyperparameters of the dynamics, each of which may be a schedule
    penalties  L2 terms
    relations  tasks that are coupled, or 0
    quadratic  whether J has a p × p matrix of its own
    weights    p; None: that of the first data loss
    all        hyperparameters, those included that are not wanted; None: m
    whole      bytes of the problem, pickled; None: those of its data
    """

    T: int
    m: int
    J: tuple[Data, ...]
    E: tuple[Data, ...] = ()
    state: int = 1
    rates: int = 1
    penalties: int = 0
    relations: int = 0
    quadratic: bool = False
    weights: int | None = None
    all: int | None = None
    whole: int | None = None

    @classmethod
    def of(cls, problem: Problem, wrt: Iterable[str] | None = None) -> Sizes:
        """Of a problem, for the blocks `wrt` of λ; default all."""
        terms = list(problem.dynamics.J.terms())
        layout = problem.layout if wrt is None else problem.layout.select(wrt)
        return cls(
            T=problem.T,
            m=layout.size,
            J=data_of(problem.dynamics.J),
            E=data_of(problem.E),
            state=problem.d // problem.p,
            rates=len(problem.dynamics.rates),
            penalties=sum(isinstance(part, L2) for part in terms),
            relations=max([getattr(part, "tasks", 0) for part in terms], default=0),
            quadratic=any(isinstance(part, Quadratic) for part in terms),
            weights=problem.p,
            all=problem.layout.size,
            whole=pickled_bytes(problem),
        )

    def among(self, k: int) -> Sizes:
        """The same problem with k of the hyperparameters wanted."""
        return replace(self, m=k, all=self.all or self.m)

    @property
    def p(self) -> int:
        return self.J[0].weights if self.weights is None else self.weights

    @property
    def d(self) -> int:
        """Numbers in a state."""
        return self.state * self.p

    @property
    def batches(self) -> int:
        """Bytes of the tables of batches."""
        return sum(8 * self.T * one.B for one in self.J if one.batch is not None)

    @property
    def sent(self) -> int:
        """Bytes of the problem as it goes to a worker."""
        if self.whole is not None:
            return self.whole
        return sum(one.bytes for one in (*self.J, *self.E)) + self.batches + 8 * self.p


def data_of(objective: Objective) -> tuple[Data, ...]:
    return tuple(Data.of(part) for part in objective.terms() if isinstance(part, DataLoss))


class Counted:
    """A file that keeps nothing but how much was written to it."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.bytes += size
        return size


def pickled_bytes(thing: Any) -> int | None:
    """How long pickle makes a thing; None where it cannot be sent at all."""
    file = Counted()
    try:
        pickle.Pickler(file, protocol=5).dump(thing)
    except Exception:
        return None
    return file.bytes
