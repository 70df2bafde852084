"""Mean cross-entropy of many classes: the model of data hyper-cleaning."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array, as_count, asarray
from hgref.objectives.linear_model import LinearModel


class Softmax(LinearModel):
    """J(w, λ) = (1/n) Σ λ_i ℓ(W, b, x_i),   ℓ = log Σ_k e^{z_ik} − z_{i,y_i},   z_i = W x_i + b.

        P = softmax(z),     r = P − onehot(y),     C dz = P ∘ (dz − P·dz)

    X        (n, N) dense or scipy.sparse;  y  (n,) integers 0 … classes-1
    classes  number of classes K; default: the largest label + 1
    bias     True: w (K(N+1),) = W (K, N) row by row, then b (K,)
    example_weights   True: λ_i is the block `weights` (n,), non-negative
    centre, batches   see Features
    Raises   ValueError for labels outside of 0 … K-1
    Cost     O(n N K) a product
    Exact    to rounding: logits are shifted by their maximum, a constant
    Beware   give a validation set the *training* mean: centre=training.features.centre, where
             `training` is the Softmax itself, not a sum with penalties
    Source   Franceschi et al. 2017, section 5.1
    """

    def __init__(self, X: Any, y: Any, classes: int | None = None, **options: Any):
        self.labels = read_labels(y, classes)
        self.outputs = int(self.labels.max()) + 1 if classes is None else int(classes)
        super().__init__(X, y, **options)

    def read_targets(self, y: Any) -> Array:
        return np.eye(self.outputs)[self.labels]  # one row of the identity for each example

    def loss(self, z: Array, y: Array) -> Array:
        shift = largest(z)
        return np.log(np.exp(z - shift).sum(axis=1)) + shift[:, 0] - (y * z).sum(axis=1)

    def residual(self, z: Array, y: Array) -> Array:
        return laws.residual(softmax(z), y)

    def curvature(self, z: Array, y: Array, dz: Array) -> Array:
        P = softmax(z)[:, :, None]
        return laws.softmax_curvature(P, dz, (P * dz).sum(axis=1, keepdims=True))


def softmax(z: Array) -> Array:
    """e^{z_ik} / Σ_j e^{z_ij} along the second axis."""
    e = np.exp(z - largest(z))
    return e / e.sum(axis=1, keepdims=True)


def largest(z: Array) -> Array:
    """The largest logit of each row, as a real constant: it cancels, so it has no derivative."""
    return z.real.astype(float).max(axis=1, keepdims=True)


def read_labels(y: Any, classes: int | None) -> Array:
    labels = asarray("y", y)
    if labels.ndim != 1 or labels.size == 0:
        raise ValueError(f"y: expected shape (n,), found {labels.shape}")
    if labels.dtype.kind not in "iub" and not whole(labels):
        raise TypeError(f"y: expected integer labels, found dtype {labels.dtype}")
    labels = labels.astype(np.intp)
    high = labels.max() if classes is None else as_count("classes", classes, 1) - 1
    if labels.min() < 0 or labels.max() > high:
        raise ValueError(
            f"y: expected labels from 0 to {high}, found {labels.min()} to {labels.max()}"
        )
    return labels


def whole(labels: Array) -> bool:
    """Whether floats are integers all the same."""
    return labels.dtype.kind == "f" and bool((labels == np.floor(labels)).all())
