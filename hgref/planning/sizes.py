"""A problem in numbers, of a Problem or on paper."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hgref.fast.cpu.heads import HEADS
from hgref.fast.cpu.small import FEW, WORK
from hgref.fast.cpu.stretches import LINEAR, NETWORKS
from hgref.objectives import L2, Quadratic
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.losses import TwoClasses
from hgref.objectives.objective import Objective
from hgref.problem import Problem

KNOWN = (DataLoss, L2, Quadratic)


@dataclass(frozen=True)
class Data:
    """The sizes of a data loss.

    n            examples
    widths       features N, units of each hidden layer, outputs
    batch        examples of a step; None: all
    nonzeros     entries of a sparse X; None: X is dense
    bias         whether layers have a bias
    weighted     whether λ has a weight for each example
    two_classes  whether the one output is that of a logistic regression
    centred      whether a centre is subtracted from the features
    itemsize     bytes of an entry of X
    units        numbers that an example keeps for each hidden unit: 2, or 3 if they are not tanh
    readable     whether the readable layer computes the loss, as it does for a sparse network
    """

    n: int
    widths: tuple[int, ...]
    batch: int | None = None
    nonzeros: int | None = None
    bias: bool = True
    weighted: bool = False
    two_classes: bool = False
    centred: bool = False
    itemsize: int = 8
    units: int = 2
    readable: bool = False

    @classmethod
    def of(cls, part: DataLoss) -> Data:
        features: Any = part.features
        linear = type(part) in LINEAR and type(part.loss) in HEADS
        return cls(
            n=features.n,
            widths=tuple(getattr(part, "widths", (features.N, part.outputs))),
            batch=None if features.batches is None else features.B,
            nonzeros=features.X.nnz if features.sparse else None,
            bias=bool(getattr(part, "bias", True)),
            weighted=part.example_weights,
            two_classes=isinstance(part.loss, TwoClasses),
            centred=features.centre is not None,
            itemsize=features.X.dtype.itemsize,
            units=2 if getattr(part, "activation", "tanh") == "tanh" else 3,
            readable=not linear and type(part) not in NETWORKS,
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
    def kind(self) -> str:
        """How a pass over the data is computed."""
        deep, sparse = len(self.widths) > 2, self.nonzeros is not None
        if self.readable or (deep and sparse):
            return "readable"
        return "network" if deep else "sparse" if sparse else "dense"

    @property
    def entries(self) -> int:
        """Stored numbers of X."""
        return self.n * self.N if self.nonzeros is None else self.nonzeros

    @property
    def weights(self) -> int:
        """p of the model."""
        return sum((a + self.bias) * b for a, b in pairwise(self.widths))

    @property
    def work(self) -> int:
        """Multiplications of the products of a step's examples with all weights."""
        return self.B * sum(a * b for a, b in pairwise(self.widths))

    def kept(self, itemsize: int) -> int:
        """Bytes that the examples of a step keep for the way back."""
        hidden, above, K = sum(self.widths[1:-1]), sum(self.widths[2:]), self.outputs
        copied = K * (self.batch is not None)
        if self.kind == "readable":
            return 8 * self.B * (5 * hidden + K + copied)
        if self.kind == "network":
            return itemsize * self.B * (self.units * hidden + above + 2 * K + copied)
        return itemsize * self.B * (1 + self.two_classes) * K


@dataclass(frozen=True)
class Sizes:
    """A problem in numbers: `Sizes.of(problem)`, or on paper.

        Sizes(T=20_000, m=3, state=2, rates=2, J=(Data(10**6, (123, 2000, 183), batch=200),))

    T          steps
    m          requested hyperparameters
    J, E       the data losses of the training objective, and of the validation error
    state      blocks of a state: 1 gradient descent, 2 momentum, 3 Adam
    rates      hyperparameters of the dynamics, each of which may be a schedule
    penalties  L2 terms with groups of weights
    quadratic  whether J has a p × p matrix of its own
    others     whether J has terms of other kinds: no step is then small
    weights    p; None: that of the first data loss
    all        all hyperparameters; None: m
    whole      bytes of the pickled problem; None: those of its data
    """

    T: int
    m: int
    J: tuple[Data, ...]
    E: tuple[Data, ...] = ()
    state: int = 1
    rates: int = 1
    penalties: int = 0
    quadratic: bool = False
    others: bool = False
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
            rates=len(problem.dynamics.names),
            penalties=sum(isinstance(part, L2) and part.groups is not None for part in terms),
            quadratic=any(isinstance(part, Quadratic) for part in terms),
            others=not all(isinstance(part, KNOWN) for part in terms),
            weights=problem.p,
            all=problem.layout.size,
            whole=pickled_bytes(problem),
        )

    @property
    def p(self) -> int:
        return self.J[0].weights if self.weights is None else self.weights

    @property
    def d(self) -> int:
        """Numbers in a state."""
        return self.state * self.p

    def length(self, k: int) -> int:
        """Steps with k tangents that are one call: many, if they are over in microseconds."""
        each, p = sum(one.work for one in self.J), self.p
        alone = len(self.J) < 2 and all(one.kind == "dense" for one in self.J)
        small = alone and not self.others and (1 + k) * each < FEW
        return max(1, WORK // (each + p * (1 + p * self.quadratic))) if small else 1

    @property
    def sent(self) -> int:
        """Bytes of the problem on its way to a worker."""
        if self.whole is not None:
            return self.whole
        batches = sum(8 * self.T * one.B for one in self.J if one.batch is not None)
        return sum(map(stored, (*self.J, *self.E))) + batches + 8 * self.p


def data_of(objective: Objective) -> tuple[Data, ...]:
    return tuple(Data.of(part) for part in objective.terms() if isinstance(part, DataLoss))


def stored(data: Data) -> int:
    """Bytes of X, with four for the column of a sparse entry, and of the targets."""
    index = 0 if data.nonzeros is None else 4
    return data.entries * (data.itemsize + index) + 8 * data.n * data.outputs


class Counted:
    """A file that counts the bytes written to it, and keeps none."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.bytes += size
        return size


def pickled_bytes(thing: Any) -> int | None:
    """Length of a pickled object; None if it cannot be pickled."""
    file = Counted()
    try:
        pickle.Pickler(file, protocol=5).dump(thing)
    except Exception:
        return None
    return file.bytes
