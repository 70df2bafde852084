"""A problem as plain arrays for JAX and torch, without anything that hgref computes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.dynamics import Adam
from hgref.objectives import L2
from hgref.objectives.data_loss import DataLoss
from paper_repro.benchmark.problems import Case


@dataclass(frozen=True)
class PlainCase:
    """A case as arrays of one precision.

    X, Y, Xv, Yv  training and validation examples; labels as rows of the identity
    batches       (T, B) row numbers, or None
    start         w_0 as [(W (outputs, inputs), b (outputs,)), …]
    groups        shaped like `start`: the index of the penalty coefficient of each weight; None:
                  no penalty, or the same for all weights
    optimizer     GradientDescent, Momentum or Adam (in torch's convention)
    hyper         name → value
    T             number of steps
    """

    X: Array
    Y: Array
    Xv: Array
    Yv: Array
    batches: Array | None
    start: list[tuple[Array, Array]]
    groups: list[tuple[Array, Array]] | None
    optimizer: str
    hyper: dict[str, Array]
    T: int


def plain_case(case: Case, dtype: str) -> PlainCase:
    problem = case.problem
    data, *penalties = problem.dynamics.J.terms()
    E = problem.E
    assert isinstance(data, DataLoss)
    assert isinstance(E, DataLoss)
    if isinstance(problem.dynamics, Adam) and problem.dynamics.convention != "torch":
        raise ValueError(f"convention: expected torch, found {problem.dynamics.convention}")
    groups = None
    for part in penalties:
        assert isinstance(part, L2)
        groups = None if part.groups is None else layers(data, part.groups)
    return PlainCase(
        X=plain(data.features.X, dtype),
        Y=plain(data.y, dtype),
        Xv=plain(E.features.X, dtype),
        Yv=plain(E.y, dtype),
        batches=data.features.batches,
        start=[(plain(W, dtype), plain(b, dtype)) for W, b in layers(data, problem.w0)],
        groups=groups,
        optimizer=type(problem.dynamics).__name__,
        hyper={name: np.array(block, dtype) for name, block in case.blocks.items()},
        T=problem.T,
    )


def plain(array: Any, dtype: str) -> Array:
    """As a dense, contiguous array."""
    return np.ascontiguousarray(array.toarray() if hasattr(array, "toarray") else array, dtype)


def layers(data: DataLoss, w: Array) -> list[tuple[Array, Array]]:
    """Split a flat vector with the layout of the weights into [(W, b), …]."""
    widths, parts, start = getattr(data, "widths", (data.features.N, data.outputs)), [], 0
    for inputs, outputs in pairwise(widths):
        middle = start + inputs * outputs
        parts.append((w[start:middle].reshape(outputs, inputs), w[middle : middle + outputs]))
        start = middle + outputs
    return parts
