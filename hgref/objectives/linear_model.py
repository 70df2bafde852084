"""Losses of a linear prediction: one adjoint for least squares, logistic and softmax regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array
from hgref.at import At
from hgref.layout import Blocks
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.losses import Loss


class LinearModel(DataLoss):
    """J_t(w, λ) = (1/B) Σ_{i ∈ batch t} λ_i ℓ(z_i, y_i),   z_i = W x_i + b.

    With r_i = ∂ℓ/∂z_i and C_i = ∂²ℓ/∂z_i² (symmetric) of the loss, c = λ/B:

        g         = Σ c_i r_i x_iᵀ
        H dw      = Σ c_i (C_i dz_i) x_iᵀ,    dz_i = dW x_i + db        M dλ = (1/B) Σ dλ_i r_i x_iᵀ
        u H       = Σ c_i (C_i a_i) x_iᵀ,     a_i = U x_i + u_b         (u M)_i = r_i · a_i / B

    X, y     (n, N) dense or scipy.sparse; targets as the loss reads them
    loss     a Loss;  bias: whether there is a b
    w        (p,) = W row by row (outputs × features), then b (outputs): the order in which
             frameworks store a linear layer's weight and bias
    λ_i, centre, batches   see DataLoss
    Cost     passes over X: value 1; g 2; then jvp (all k columns at once) and vjp 2 each
    Source   Franceschi et al. 2017, section 5.1, for any loss

    Example
        >>> from hgref.objectives.losses import Squares
        >>> J = hgref.objectives.LinearModel(np.eye(2), [1.0, 0.0], Squares())
        >>> float(J.value(1, np.zeros(3), {}))
        0.25
    """

    def __init__(self, X: Any, y: Any, loss: Loss, *, bias: bool = True, **options: Any):
        super().__init__(X, y, loss, **options)
        self.bias = bool(bias)
        self.p = self.outputs * (self.features.N + self.bias)

    @property
    def block_labels(self) -> Array:
        """(p,) integers: 0 for an entry of W, 1 for one of b, for L2(groups=…)."""
        return np.repeat([0, 1], [self.outputs * self.features.N, self.outputs * self.bias])

    def unflatten(self, w: Array) -> tuple[Array, Array]:
        """(W (outputs, features, …), b (outputs, …) or (0, …)) of weights (p, …); views."""
        cut = self.outputs * self.features.N
        W = w[:cut].reshape(self.outputs, self.features.N, *w.shape[1:])
        return W, w[cut:]

    def flatten(self, W: Array, b: Array) -> Array:
        """The inverse, (p, …)."""
        W = W.reshape(-1, *W.shape[2:])
        return np.concatenate([W, b]) if self.bias else W

    def layers(self, w: Array) -> list[tuple[Array, Array]]:
        return [self.unflatten(w)]

    def predict(self, w: Array, t: int = 1) -> Array:
        """z_i = W x_i + b for the examples of step t, (B, outputs)."""
        W, b = self.unflatten(w)
        z = self.features.seen(t).times(W)
        return z + b if self.bias else z

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        (W, b), c, seen = self.unflatten(w), self.scale(t, lam), self.features.seen(t)
        z = seen.times(W) + b if self.bias else seen.times(W)
        here = self.loss.at(z, self.targets(t), lam)
        r = laws.weighted(c, here.residual())
        g = self.flatten(seen.pull(r), r.sum(axis=0))

        def jvp(dw: Array, dlam: Blocks) -> Array:
            seen, (V, v), k = self.features.seen(t), self.unflatten(dw), dw.shape[1]
            stacked = V.transpose(0, 2, 1).reshape(-1, self.features.N)  # (outputs · k, N)
            dz = seen.times(stacked).reshape(-1, self.outputs, k)
            dz = dz + v if self.bias else dz
            dr = self.cotangent_jvp(here, c, dz.transpose(2, 0, 1), dlam, self.scale_jvp(t, dlam))
            k, B, K = dr.shape
            pulled = seen.pull(dr.transpose(1, 2, 0).reshape(B, K * k)).reshape(K, k, -1)
            return self.flatten(pulled.transpose(0, 2, 1), dr.sum(axis=1).T)

        def vjp(u: Array) -> tuple[Array, Blocks]:
            seen, (U, v) = self.features.seen(t), self.unflatten(u)
            a = seen.times(U) + v if self.bias else seen.times(U)
            d = laws.weighted(c, here.curvature(a))  # C is symmetric, and so is H
            uH = self.flatten(seen.pull(d), d.sum(axis=0))
            return uH, self.gathered(t, self.shares(here, c, a))

        return At(g, jvp, vjp)
