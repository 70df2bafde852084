"""One network with two heads: classes and a secondary regression task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, require_shape
from hgref.layout import Blocks
from hgref.objectives.losses import CrossEntropy, Loss, LossAt, Own, RectifiedSquares, Squares
from hgref.objectives.mlp import MLP
from hgref.objectives.objective import Shapes


class TwoHeads(Loss):
    """ℓ = ℓ' + ρ ℓ'':  cross-entropy of the first K outputs, squares of the q others.

        r = (r', ρ r''),     C = (C', ρ C''),     ∂r/∂ρ = (0, r'')

    classes    K, or None: the largest label + 1
    secondary  (n, q) targets of the others, or (n,)
    rho        ρ: the name of its block, or a number
    rectified  whether the q outputs are max(z'', 0)
    """

    def __init__(self, classes: int | None, secondary: Any, rho: str | float, rectified: bool):
        self.rho = Own.read("rho", rho)
        self.first = CrossEntropy(classes)
        self.second = RectifiedSquares() if rectified else Squares()
        self.secondary = self.second.targets(as_array("secondary", secondary))

    def hyper(self) -> Shapes:
        return self.rho.hyper()

    def targets(self, y: Any) -> Array:
        labels = self.first.targets(y)
        self.classes = labels.shape[1]
        require_shape("secondary", self.secondary.shape, (len(labels), "q"))
        return np.hstack([labels, self.secondary])

    def split(self, z: Array) -> tuple[Array, Array]:
        """The outputs of the two heads, along the last axis."""
        return z[..., : self.classes], z[..., self.classes :]

    def values(self, z: Array, y: Array) -> tuple[Array, Array]:
        """(ℓ', ℓ'') of each example, (B,) each."""
        (z1, z2), (y1, y2) = self.split(z), self.split(y)
        return self.first.value(z1, y1, {}), self.second.value(z2, y2, {})

    def value(self, z: Array, y: Array, lam: Blocks) -> Array:
        first, second = self.values(z, y)
        return first + self.rho.of(lam) * second

    def value_lam(self, z: Array, y: Array, lam: Blocks) -> Blocks:
        return self.rho.block(self.values(z, y)[1])

    def at(self, z: Array, y: Array, lam: Blocks) -> LossAt:
        rho = self.rho.of(lam)
        pairs = zip((self.first, self.second), self.split(z), self.split(y), strict=True)
        one, two = (loss.at(z, y, lam) for loss, z, y in pairs)

        def residual() -> Array:
            return joined(one.residual(), rho * two.residual())

        def curvature(dz: Array) -> Array:
            first, second = self.split(dz)
            return joined(one.curvature(first), rho * two.curvature(second))

        def moved(dlam: Blocks) -> Array:
            r = self.rho.tangent(dlam) * two.residual()
            return joined(np.zeros((*r.shape[:-1], self.classes)), r)

        def shares(a: Array) -> Blocks:
            return self.rho.block((two.residual() * self.split(a)[1]).sum(axis=1))

        return LossAt(residual, curvature, moved, shares)


def joined(first: Array, second: Array) -> Array:
    """The outputs of both heads."""
    return np.concatenate([first, second], axis=-1)


class MultiTask(MLP):
    """J_t(w, λ) = (1/B) Σ_{i ∈ batch t} λ_i [ℓ'(z', y_i) + ρ ℓ''(z'', y''_i)],  z_L = (z', z'').

        ℓ' = log Σ_k e^{z'_k} − z'_y,      ℓ'' = ½ ‖z'' − y''‖²

    r_io is the residual of output o for example i. Its weight is λ_i h_o / B: h_o = 1 for an output
    of the classes, h_o = ρ for one of the secondary task. The rest is as in MLP, with

        (u M) for ρ = (1/B) Σ_i λ_i Σ_{o secondary} r_io (dz_L)_io,     dz_L along dw = u

    X, y, hidden, activation, classes, example_weights, centre, batches   as in MLP
    secondary   (n, q) or (n,) the targets y'' of the secondary task
    rho         ρ: the name of its block, or a fixed number; 0 gives the primary loss alone, as in
                a validation error
    rectified   whether the outputs of the secondary task are max(z'', 0) in place of z''; their
                second derivative at the kink counts as 0, as for relu in MLP
    w, Cost, Exact   as in MLP; the last layer has classes + q outputs
    Beware      as in MLP; J has no minimum if ρ < 0: project onto hgref.constraints.NonNegative()
    Source      Franceschi et al. 2017, section 5.3; Caruana 1997

    Example
        >>> X, y, secondary = [[0.0, 1.0], [1.0, 0.0]], [0, 1], [0.5, 2.0]
        >>> J = hgref.objectives.MultiTask(X, y, secondary, hidden=(3,))
        >>> J.widths, J.hyper(J.p)
        ((2, 3, 3), {'rho': ()})
    """

    loss: TwoHeads

    def __init__(
        self,
        X: Any,
        y: Any,
        secondary: Any,
        hidden: Iterable[int],
        *,
        activation: str = "tanh",
        classes: int | None = None,
        rho: str | float = "rho",
        rectified: bool = False,
        example_weights: bool | str = False,
        centre: Any = None,
        batches: Any = None,
    ):
        loss = TwoHeads(classes, secondary, rho, rectified)
        self.build(X, y, loss, hidden, activation, example_weights, centre, batches)
        self.head = "two heads"

    @property
    def name(self) -> str | None:
        """The name of ρ's block, or None."""
        return self.loss.rho.name

    @property
    def fixed(self) -> float:
        """ρ, if it has no block."""
        return self.loss.rho.fixed
