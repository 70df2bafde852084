"""One network with two heads: classes, and numbers that are predicted beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array, as_array, require_shape
from hgref.layout import Blocks
from hgref.objectives.losses import CrossEntropy, Loss, Squares
from hgref.objectives.mlp import MLP
from hgref.objectives.objective import Shapes


class TwoHeads(Loss):
    """Cross-entropy of the first K outputs, squares of the q others; each with its own y.

    classes    K, or None: the largest label + 1
    secondary  (n, q) targets of the others, or (n,)
    """

    def __init__(self, classes: int | None, secondary: Any):
        self.first, self.second = CrossEntropy(classes), Squares()
        self.secondary = self.second.targets(as_array("secondary", secondary))

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
        return self.first.value(z1, y1), self.second.value(z2, y2)

    def mean(self, z: Array) -> Array:
        z1, z2 = self.split(z)
        return np.concatenate([self.first.mean(z1), self.second.mean(z2)], axis=-1)

    def curvature(self, z: Array, dz: Array) -> Array:
        (z1, z2), (dz1, dz2) = self.split(z), self.split(dz)
        parts = [self.first.curvature(z1, dz1), self.second.curvature(z2, dz2)]
        return np.concatenate(parts, axis=-1)


class MultiTask(MLP):
    """J_t(w, λ) = (1/B) Σ_{i ∈ batch t} λ_i [ℓ'(z', y_i) + ρ ℓ''(z'', y''_i)],  z_L = (z', z'').

        ℓ' = log Σ_k e^{z'_k} − z'_y,      ℓ'' = ½ ‖z'' − y''‖²

    Output o of the network has the residual r_io of its loss with the weight c_io = λ_i h_o / B,
    where h_o is 1 for the classes and ρ for the others. The rest is as in MLP, with

        dc_io = (dλ_i h_o + λ_i dh_o) / B
        (u M) of ρ = Σ_i λ_i/B Σ_o r_io (dz_L)_io over the others

    X, y, hidden, activation, classes, example_weights, centre, batches   as in MLP
    secondary   (n, q) or (n,) the targets y'' of the secondary task
    rho         ρ: the name of its block, or a number that it stays at; 0 leaves the primary error
                alone, as a validation error has it
    w, Cost, Exact   as in MLP, of which the last layer has classes + q outputs
    Beware      as in MLP; ρ < 0 has no minimum: project onto hgref.constraints.NonNegative()
    Source      Franceschi et al. 2017, section 5.3; Caruana 1997
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
        example_weights: bool | str = False,
        centre: Any = None,
        batches: Any = None,
    ):
        self.name = rho if isinstance(rho, str) else None
        if self.name is None:
            self.fixed = float(as_array("rho", rho, ()))
        elif not rho:
            raise ValueError("rho: expected a number or the name of a block, found an empty name")
        loss = TwoHeads(classes, secondary)
        self.build(X, y, loss, hidden, activation, example_weights, centre, batches)
        self.head = "two heads"

    def hyper(self, p: int) -> Shapes:
        return super().hyper(p) | ({self.name: ()} if self.name else {})

    def rho(self, lam: Blocks) -> Any:
        """ρ."""
        return lam[self.name] if self.name else self.fixed

    def heads(self, first: Any, second: Any) -> Array:
        """(outputs,) or, of columns (k,), (k, 1, outputs): one number for each head's outputs."""
        sizes = self.loss.classes, self.outputs - self.loss.classes
        both = np.stack(np.broadcast_arrays(first, second), axis=-1)
        return np.repeat(both, sizes, axis=-1)

    def weight(self, t: int, lam: Blocks) -> Array:
        """λ_i / B, (B, 1), or (1, 1) for all."""
        return super().scale(t, lam)

    def scale(self, t: int, lam: Blocks) -> Array:
        """c_io, (B or 1, outputs)."""
        return laws.weighted(self.weight(t, lam), self.heads(1.0, self.rho(lam)))

    def scale_jvp(self, t: int, lam: Blocks, dlam: Blocks) -> Array:
        """dc_io, (k or 1, B or 1, outputs)."""
        moved, d_heads = super().scale_jvp(t, lam, dlam), np.zeros((1, 1, 1))
        d_weight = np.zeros((1, 1, 1)) if moved is None else moved
        if self.name in dlam:
            d_heads = self.heads(0, np.reshape(dlam[self.name], (-1, 1)))
        heads = self.heads(1.0, self.rho(lam))
        return laws.weighted_jvp(self.weight(t, lam), heads, d_heads, d_weight)

    def weights_vjp(self, t: int, z: Array, a: Array, lam: Blocks) -> Blocks:
        r = self.loss.residual(z, self.targets(t))
        _, b_c = laws.weighted_vjp(self.scale(t, lam), r, a)
        heads = self.heads(1.0, self.rho(lam))
        b_heads, b_weight = laws.weighted_vjp(self.weight(t, lam), heads, b_c)
        shares: Blocks = {}
        if self.example_weights:
            shares[self.block] = self.scatter(t, b_weight.sum(axis=1))
        if self.name:
            shares[self.name] = self.loss.split(b_heads)[1].sum()
        return shares

    # what needs no derivative of the model
    def losses(self, t: int, w: Array) -> tuple[Array, Array]:  # type: ignore[override]
        """(ℓ', ℓ'') of the examples of step t, (B,) each."""
        return self.loss.values(self.predict(w, t), self.targets(t))

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        first, second = self.losses(t, w)
        return np.sum(self.weight(t, lam)[:, 0] * (first + self.rho(lam) * second))

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        first, second = self.losses(t, w)
        direct: Blocks = {}
        if self.example_weights:
            direct[self.block] = self.scatter(t, first + self.rho(lam) * second)
        if self.name:
            direct[self.name] = np.sum(self.weight(t, lam)[:, 0] * second)
        return direct
