"""Losses of a linear prediction: one adjoint for least squares, logistic and softmax regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.layout import Blocks
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.losses import Loss


class LinearModel(DataLoss):
    """J_t(w, λ) = (1/B) Σ_{i ∈ batch t} λ_i ℓ(z_i, y_i),   z_i = W x_i + b.

    With r_i = ∂ℓ/∂z_i and C_i = ∂²ℓ/∂z_i² (symmetric) of the loss, c = λ/B:

        g         = Σ c_i r_i x_iᵀ
        H dw      = Σ c_i (C_i dz_i) x_iᵀ,    dz_i = dW x_i + db        M dλ = (1/B) Σ dλ_i r_i x_iᵀ
        u H       = Σ c_i (C_i a_i) x_iᵀ,     a_i = U x_i + u_b         (u M)_i = r_i · a_i / B

    w        (p,) = W row by row (outputs × features), then b (outputs): the order in which
             frameworks keep a linear layer's weight and bias
    λ_i, centre, batches   see DataLoss
    Cost     passes over X: value 1; grad, grad_jvp (all k columns at once) and grad_vjp 2 each
    """

    def __init__(self, X: Any, y: Any, loss: Loss, *, bias: bool = True, **options: Any):
        super().__init__(X, y, loss, **options)
        self.bias = bool(bias)
        self.p = self.outputs * (self.features.N + self.bias)

    @property
    def block_labels(self) -> Array:
        """(p,) integers: 0 for an entry of W, 1 for one of b, as L2(groups=…) wants them."""
        return np.repeat([0, 1], [self.outputs * self.features.N, self.outputs * self.bias])

    def unflatten(self, w: Array) -> tuple[Array, Array]:
        """(W (outputs, features), b (outputs,) or (0,)) of a weight vector w (p,); views."""
        cut = self.outputs * self.features.N
        return w[:cut].reshape(self.outputs, self.features.N), w[cut:]

    def layers(self, w: Array) -> list[tuple[Array, Array]]:
        return [self.unflatten(w)]

    def predict(self, w: Array, t: int = 1) -> Array:
        """z_i = W x_i + b for the examples of step t, (B, outputs)."""
        return self.predict_columns(t, w[:, None])[0]

    def predict_columns(self, t: int, dw: Array) -> Array:
        """dz_i = dW x_i + db for columns dw (p, k): (k, B, outputs)."""
        K, N, k = self.outputs, self.features.N, dw.shape[1]
        V = dw[: K * N].reshape(K, N, k).transpose(0, 2, 1).reshape(K * k, N)
        dz = self.features.times(t, V).reshape(-1, K, k)
        return (dz + dw[K * N :] if self.bias else dz).transpose(2, 0, 1)

    def predict_both(self, t: int, w: Array, dw: Array) -> tuple[Array, Array]:
        """z_i and dz_i in one pass over X, which is what costs."""
        both = self.predict_columns(t, np.concatenate([w[:, None], dw], axis=1))
        return both[0], both[1:]

    def pull_columns(self, t: int, R: Array) -> Array:
        """The transpose: Σ R_i x_iᵀ for columns R (k, B, outputs), laid out like w: (p, k)."""
        k, _, K = R.shape
        pulled = self.features.pull(t, R.transpose(1, 2, 0).reshape(-1, K * k)).reshape(K, k, -1)
        G = pulled.transpose(0, 2, 1).reshape(-1, k)
        return np.concatenate([G, R.sum(axis=1).T]) if self.bias else G

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        return self.pull_columns(t, self.cotangent(t, self.predict(w, t), lam)[None])[:, 0]

    def grad_jvp(self, t: int, w: Array, lam: Blocks, dw: Array, dlam: Blocks) -> Array:
        z, dz = self.predict_both(t, w, dw)
        return self.pull_columns(t, self.cotangent_jvp(t, z, dz, lam, dlam))

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        z, a = self.predict_both(t, w, u[:, None])
        uH = self.pull_columns(t, self.cotangent_jvp(t, z, a, lam, {}))[:, 0]  # H is symmetric
        return uH, self.weights_vjp(t, z, a[0], lam)
