"""A random split of the examples, the same number of each class in every part."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hgref.arguments import Array
from paper_repro.data.tasks import Tasks
from paper_repro.task_interactions.setting import Setting


class Part(NamedTuple):
    """Examples with their classes: X (n, N), y (n,)."""

    X: Array
    y: Array


class Split(NamedTuple):
    """Training, validation and test examples of K classes."""

    train: Part
    valid: Part
    test: Part
    classes: int


def split(tasks: Tasks, setting: Setting, seed: int) -> Split:
    """The split of a seed, with features relative to those of the training examples.

    Training starts at W = 0, and all that ever moves w_k is a sum of training examples and of
    other w_j: W stays in their span, of n dimensions at most. So features are told in an
    orthonormal basis of it. No prediction changes, nor any norm; a step costs N/n times less.

    Source   centred at the training mean and divided by one number, their deviation
    """
    rng, sizes = np.random.default_rng(seed), np.cumsum([setting.train, setting.valid])
    chosen: list[list[Array]] = [[], [], []]
    for k in range(len(tasks.classes)):
        index = rng.permutation(np.flatnonzero(tasks.y == k))[: setting.per_class]
        for places, some in zip(chosen, np.split(index, sizes), strict=True):
            places.append(some)
    train, valid, test = map(np.concatenate, chosen)
    X = tasks.X[train].astype(float)
    mean, deviation = X.mean(axis=0), X.std()
    basis = np.linalg.svd((X - mean) / deviation, full_matrices=False)[2]

    def part(index: Array) -> Part:
        return Part((tasks.X[index] - mean) / deviation @ basis.T, tasks.y[index])

    return Split(part(train), part(valid), part(test), len(tasks.classes))
