"""The loss ℓ(z, y) of one example's prediction: squares, two classes, many classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hgref import laws
from hgref.arguments import Array, as_array, as_count, asarray
from hgref.layout import Blocks
from hgref.objectives.activations import sigmoid, softplus
from hgref.objectives.objective import Shapes


class LossAt(NamedTuple):
    """A loss at the predictions z of B examples.

    residual()       returns r = ∂ℓ/∂z, (B, outputs)
    curvature(dz)    takes columns dz (k, B, outputs); returns C dz, C = ∂²ℓ/∂z², of the same shape
    moved(dlam)      only for a loss with parameters θ: returns (∂r/∂θ) dθ, (k, B, outputs)
    shares(a)        likewise: takes a (B, outputs); returns {name: (B,)} with a_i · ∂r_i/∂θ
    """

    residual: Callable[[], Array]
    curvature: Callable[[Array], Array]
    moved: Callable[[Blocks], Any] = lambda dlam: 0.0
    shares: Callable[[Array], Blocks] = lambda a: {}


class Loss:
    """ℓ(z_i, y_i) of predictions z (B, outputs) and targets y, rows of the same length.

        r = ∂ℓ/∂z,     C = ∂²ℓ/∂z², symmetric

    A subclass defines `targets`, `value` and `at`. If the loss has parameters θ, a threshold for
    instance, it also defines `hyper`, `check_blocks` and `value_lam`; each θ is a block of λ.

    kept     how many numbers `at` stores for each output, besides y
    Cost     O(B outputs)
    Beware   ℓ may be any twice differentiable function of z: no link is assumed
    Source   Franceschi et al. 2017, section 2 (J is any differentiable function)

    Example
        >>> class Quartic(hgref.objectives.Loss):
        ...     def targets(self, y): return np.reshape(y, (-1, 1)).astype(float)
        ...     def value(self, z, y, lam): return ((z - y) ** 4).sum(axis=1) / 4
        ...     def at(self, z, y, lam):
        ...         e = z - y
        ...         return hgref.objectives.LossAt(lambda: e**3, lambda dz: 3 * e**2 * dz)
        >>> J = hgref.objectives.LinearModel(np.eye(2), [1.0, 0.0], Quartic(), bias=False)
        >>> J.grad(1, np.zeros(2), {}).tolist()
        [-0.5, 0.0]
    """

    kept = 1

    def targets(self, y: Any) -> Array:
        """The targets as rows, (n, outputs)."""
        raise NotImplementedError

    def hyper(self) -> Shapes:
        """Shapes of the blocks of λ that are parameters of the loss."""
        return {}

    def check_blocks(self, lam: Blocks) -> None:
        """Raise ValueError if one of them is outside its domain."""

    def value(self, z: Array, y: Array, lam: Blocks) -> Array:
        """ℓ(z_i, y_i), (B,)."""
        raise NotImplementedError

    def value_lam(self, z: Array, y: Array, lam: Blocks) -> Blocks:
        """{name: ∂ℓ_i/∂θ}, (B,) each."""
        return {}

    def at(self, z: Array, y: Array, lam: Blocks) -> LossAt:
        """r and its derivatives at z."""
        raise NotImplementedError


class Own(NamedTuple):
    """A parameter of a loss: a block of λ, or a fixed number.

    name    of the block, or None
    fixed   the number, if there is no block
    """

    name: str | None
    fixed: float = 0.0

    @classmethod
    def read(cls, argument: str, value: Any) -> Own:
        if isinstance(value, str) and value:
            return cls(value)
        if isinstance(value, str):
            raise ValueError(
                f"{argument}: expected a number or the name of a block, found an empty name"
            )
        number = as_array(argument, value, ())
        if number.dtype.kind == "c":
            raise TypeError(f"{argument}: expected a real number, found {value!r}")
        return cls(None, float(number))

    def hyper(self) -> Shapes:
        return {self.name: ()} if self.name else {}

    def of(self, lam: Blocks) -> Any:
        return lam[self.name] if self.name else np.asarray(self.fixed)

    def tangent(self, dlam: Blocks) -> Any:
        """dθ as columns (k, 1, 1), or 0."""
        return np.reshape(dlam[self.name], (-1, 1, 1)) if self.name in dlam else 0.0

    def block(self, share: Array) -> Blocks:
        """{name: share}, or nothing if the number is fixed."""
        return {self.name: share} if self.name else {}


class Squares(Loss):
    """ℓ = ½ ‖z − y‖²,  y (n,) or (n, outputs);  r = z − y,  C dz = dz."""

    def targets(self, y: Any) -> Array:
        targets = as_array("y", y)
        if targets.ndim == 1:
            targets = targets[:, None]
        if targets.ndim != 2 or targets.shape[1] == 0:
            raise ValueError(f"y: expected shape (n,) or (n, outputs), found {targets.shape}")
        return targets

    def value(self, z: Array, y: Array, lam: Blocks) -> Array:
        return ((z - y) ** 2).sum(axis=1) / 2

    def at(self, z: Array, y: Array, lam: Blocks) -> LossAt:
        return LossAt(lambda: laws.residual(z, y), laws.squares_curvature)


class RectifiedSquares(Squares):
    """ℓ = ½ ‖h − y‖²,  h = max(z, 0);  r = h' (h − y),  C dz = h'² dz,  h' = 1 where z > 0."""

    def value(self, z: Array, y: Array, lam: Blocks) -> Array:
        return super().value(laws.relu(z), y, lam)

    def at(self, z: Array, y: Array, lam: Blocks) -> LossAt:
        slope = laws.relu_slope(z)
        inner = super().at(laws.relu(z), y, lam)
        return LossAt(
            lambda: slope * inner.residual(), lambda dz: slope * inner.curvature(slope * dz)
        )


class TwoClasses(Loss):
    """ℓ = log(1 + e^z) − y z,  y (n,) of 0 and 1;  r = σ(z) − y,  C dz = σ(z) σ(−z) dz."""

    kept = 2

    def targets(self, y: Any) -> Array:
        targets = as_array("y", y, ("n",))
        odd = np.flatnonzero((targets != 0) & (targets != 1))
        if odd.size:
            i = int(odd[0])
            raise ValueError(f"y: expected labels 0 or 1, found {targets[i]} at index {i}")
        return targets[:, None]

    def value(self, z: Array, y: Array, lam: Blocks) -> Array:
        return (softplus(z) - y * z)[:, 0]

    def at(self, z: Array, y: Array, lam: Blocks) -> LossAt:
        P, Q = sigmoid(z), sigmoid(-z)
        return LossAt(lambda: laws.residual(P, y), lambda dz: laws.logistic_curvature(P, Q, dz))


class CrossEntropy(Loss):
    """ℓ = log Σ_k e^{z_k} − z_y,  y (n,) labels 0 … K−1;  r = P − onehot(y),  P = softmax(z).

        C dz = P ∘ (dz − P·dz)

    classes  K; None: the largest label + 1
    """

    def __init__(self, classes: int | None = None):
        self.classes = classes

    def targets(self, y: Any) -> Array:
        labels = read_labels(y, self.classes)
        K = int(labels.max()) + 1 if self.classes is None else int(self.classes)
        rows = np.zeros((len(labels), K))
        rows[np.arange(len(labels)), labels.astype(int)] = 1
        return rows

    def value(self, z: Array, y: Array, lam: Blocks) -> Array:
        shift = largest(z)
        return np.log(np.exp(z - shift).sum(axis=1)) + shift[:, 0] - (y * z).sum(axis=1)

    def at(self, z: Array, y: Array, lam: Blocks) -> LossAt:
        P = softmax(z)

        def curvature(dz: Array) -> Array:
            return laws.softmax_curvature(P, dz, (P * dz).sum(axis=-1, keepdims=True))

        return LossAt(lambda: laws.residual(P, y), curvature)


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
        raise ValueError(f"y: expected labels below 2^31, found {labels[np.abs(labels).argmax()]}")
    labels = labels.astype(np.intp)
    high = labels.max() if classes is None else as_count("classes", classes, 1) - 1
    if labels.min() < 0 or labels.max() > high:
        raise ValueError(
            f"y: expected labels from 0 to {high}, found {labels.min()} to {labels.max()}"
        )
    return labels


def whole(labels: Array) -> bool:
    """Whether the labels are floats with integer values."""
    return labels.dtype.kind == "f" and bool((labels == np.floor(labels)).all())
