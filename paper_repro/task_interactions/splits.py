"""Split the examples at random; each part has equally many of each class."""

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

    @property
    def joined(self) -> Part:
        """The training and validation examples."""
        return Part(*(np.concatenate(both) for both in zip(self.train, self.valid, strict=True)))


def split(tasks: Tasks, setting: Setting, seed: int) -> Split:
    """The split of a seed, with features in a basis of the span of the training examples.

    The features are centred at the training mean and divided by one number, their standard
    deviation. Training starts at W = 0, and every step adds to w_k a combination of training
    examples and of other w_j. So W stays in the span of the n training examples, and the features
    are given in an orthonormal basis of that span. This changes neither the predictions nor the
    norms, and makes a step N/n times cheaper. Where the final models are trained on the validation
    examples too, the span is that of both.
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
    spanning = np.concatenate([train, valid]) if setting.authors else train
    seen = (tasks.X[spanning].astype(float) - mean) / deviation
    basis = np.linalg.svd(seen, full_matrices=False)[2]

    def part(index: Array) -> Part:
        return Part((tasks.X[index] - mean) / deviation @ basis.T, tasks.y[index])

    return Split(part(train), part(valid), part(test), len(tasks.classes))
