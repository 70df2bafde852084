"""A problem in numbers, of a Problem or on paper."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from hgref.fast.cpu.shapes import Data
from hgref.objectives import L2, Quadratic
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.objective import Objective
from hgref.problem import Problem


@dataclass(frozen=True)
class Sizes:
    """A problem in numbers: `Sizes.of(problem)`, or on paper.

        Sizes(T=20_000, m=3, state=2, rates=2, J=(Data(10**6, (123, 2000, 183), batch=200),))

    T          steps
    m          requested hyperparameters
    J, E       the data losses of the training objective, and of the validation error
    state      blocks of a state: 1 gradient descent, 2 momentum, 3 Adam
    rates      hyperparameters of the dynamics, each of which may be a schedule
    penalties  L2 terms
    relations  number of coupled tasks, or 0
    quadratic  whether J has a p × p matrix of its own
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
            rates=len(getattr(problem.dynamics, "rates", ())),
            penalties=sum(isinstance(part, L2) for part in terms),
            relations=max([getattr(part, "tasks", 0) for part in terms], default=0),
            quadratic=any(isinstance(part, Quadratic) for part in terms),
            weights=problem.p,
            all=problem.layout.size,
            whole=pickled_bytes(problem),
        )

    def among(self, k: int) -> Sizes:
        """The same problem with k requested hyperparameters."""
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
        """Bytes of the problem on its way to a worker."""
        if self.whole is not None:
            return self.whole
        return sum(map(stored, (*self.J, *self.E))) + self.batches + 8 * self.p


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
