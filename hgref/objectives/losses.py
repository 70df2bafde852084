"""The loss ℓ(z, y) of one example's prediction: squares, two classes, many classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array, as_array, as_count, asarray
from hgref.objectives.activations import sigmoid, softplus


class Loss:
    """ℓ(z_i, y_i) of predictions z (B, outputs) and targets y, rows of the same length.

        r = ∂ℓ/∂z = P(z) − y,     C = ∂²ℓ/∂z² = ∂P/∂z, symmetric

    P(z) is the mean of y that z predicts; C is applied to columns dz (k, B, outputs).
    """

    def targets(self, y: Any) -> Array:
        """The targets as rows, (n, outputs)."""
        raise NotImplementedError

    def value(self, z: Array, y: Array) -> Array:
        """ℓ(z_i, y_i), (B,)."""
        raise NotImplementedError

    def mean(self, z: Array) -> Array:
        """P(z_i), (B, outputs)."""
        raise NotImplementedError

    def residual(self, z: Array, y: Array) -> Array:
        """r_i = ∂ℓ/∂z_i, (B, outputs)."""
        return laws.residual(self.mean(z), y)

    def curvature(self, z: Array, dz: Array) -> Array:
        """C_i dz_i, (k, B, outputs)."""
        raise NotImplementedError


class Squares(Loss):
    """ℓ = ½ ‖z − y‖²,  y (n,) or (n, outputs);  P = z,  C dz = dz."""

    def targets(self, y: Any) -> Array:
        targets = as_array("y", y)
        if targets.ndim == 1:
            targets = targets[:, None]
        if targets.ndim != 2 or targets.shape[1] == 0:
            raise ValueError(f"y: expected shape (n,) or (n, outputs), found {targets.shape}")
        return targets

    def value(self, z: Array, y: Array) -> Array:
        return ((z - y) ** 2).sum(axis=1) / 2

    def mean(self, z: Array) -> Array:
        return z

    def curvature(self, z: Array, dz: Array) -> Array:
        return laws.squares_curvature(dz)


class TwoClasses(Loss):
    """ℓ = log(1 + e^z) − y z,  y (n,) of 0 and 1;  P = σ(z),  C dz = σ(z) σ(−z) dz."""

    def targets(self, y: Any) -> Array:
        targets = as_array("y", y, ("n",))
        odd = np.flatnonzero((targets != 0) & (targets != 1))
        if odd.size:
            i = int(odd[0])
            raise ValueError(f"y: expected labels 0 or 1, found {targets[i]} at index {i}")
        return targets[:, None]

    def value(self, z: Array, y: Array) -> Array:
        return (softplus(z) - y * z)[:, 0]

    def mean(self, z: Array) -> Array:
        return sigmoid(z)

    def curvature(self, z: Array, dz: Array) -> Array:
        return laws.logistic_curvature(sigmoid(z), sigmoid(-z), dz)


class CrossEntropy(Loss):
    """ℓ = log Σ_k e^{z_k} − z_y,  y (n,) labels 0 … K−1;  P = softmax(z),  C dz = P ∘ (dz − P·dz).

    classes  K; None: the largest label + 1
    """

    def __init__(self, classes: int | None = None):
        self.classes = classes

    def targets(self, y: Any) -> Array:
        labels = read_labels(y, self.classes)
        K = int(labels.max()) + 1 if self.classes is None else int(self.classes)
        return np.eye(K)[labels]  # one row of the identity for each example

    def value(self, z: Array, y: Array) -> Array:
        shift = largest(z)
        return np.log(np.exp(z - shift).sum(axis=1)) + shift[:, 0] - (y * z).sum(axis=1)

    def mean(self, z: Array) -> Array:
        return softmax(z)

    def curvature(self, z: Array, dz: Array) -> Array:
        P = softmax(z)
        return laws.softmax_curvature(P, dz, (P * dz).sum(axis=-1, keepdims=True))


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
    if np.abs(labels).max() >= 2**31:
        raise ValueError(f"y: expected labels of classes, found {labels[np.abs(labels).argmax()]}")
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
