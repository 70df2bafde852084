"""Losses of a linear prediction: one adjoint for least squares, logistic and softmax regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array, as_array, require_at_least
from hgref.layout import Blocks
from hgref.objectives.features import Features
from hgref.objectives.objective import Objective, Shapes


class LinearModel(Objective):
    """J_t(w, λ) = (1/B) Σ_{i ∈ batch t} λ_i ℓ(z_i, y_i),   z_i = W x_i + b.

    With r_i = ∂ℓ/∂z (`residual`) and C_i = ∂²ℓ/∂z² (`curvature`, symmetric), c = λ/B:

        g         = Σ c_i r_i x_iᵀ
        H dw      = Σ c_i (C_i dz_i) x_iᵀ,    dz_i = dW x_i + db        M dλ = (1/B) Σ dλ_i r_i x_iᵀ
        u H       = Σ c_i (C_i a_i) x_iᵀ,     a_i = U x_i + u_b         (u M)_i = r_i · a_i / B

    w        (p,) = W row by row (outputs × features), then b (outputs): the order in which
             frameworks keep a linear layer's weight and bias
    λ_i      block `weights` (n,), or of the name that `example_weights` gives; all 1 and no
             hyperparameters without it
    Cost     passes over X: value 1; grad, grad_jvp (all k columns at once) and grad_vjp 2 each
    """

    outputs = 1  # the length of z_i

    def __init__(
        self,
        X: Any,
        y: Any,
        *,
        bias: bool = True,
        example_weights: bool | str = False,
        centre: Any = None,
        batches: Any = None,
    ):
        self.features = Features(X, centre, batches)
        self.y = self.read_targets(y)
        if len(self.y) != self.features.n:
            raise ValueError(f"y: expected shape ({self.features.n},), found ({len(self.y)},)")
        self.bias = bool(bias)
        self.example_weights = bool(example_weights)
        self.block = example_weights if isinstance(example_weights, str) else "weights"
        self.p = self.outputs * (self.features.N + self.bias)

    def read_targets(self, y: Any) -> Array:
        """The targets as this loss wants them, one row for each example."""
        return as_array("y", y, ("n",))

    # what one example's loss is: (B, outputs) in; the subclass says
    def loss(self, z: Array, y: Array) -> Array:
        """ℓ(z_i, y_i), (B,)."""
        raise NotImplementedError

    def residual(self, z: Array, y: Array) -> Array:
        """r_i = ∂ℓ/∂z_i, (B, outputs)."""
        raise NotImplementedError

    def curvature(self, z: Array, y: Array, dz: Array) -> Array:
        """C_i dz_i for columns dz (B, outputs, k)."""
        raise NotImplementedError

    # the linear layer
    @property
    def block_labels(self) -> Array:
        """(p,) integers: 0 for an entry of W, 1 for one of b, as L2(groups=…) wants them."""
        return np.repeat([0, 1], [self.outputs * self.features.N, self.outputs * self.bias])

    def unflatten(self, w: Array) -> tuple[Array, Array]:
        """(W (outputs, features), b (outputs,) or (0,)) of a weight vector w (p,); views."""
        cut = self.outputs * self.features.N
        return w[:cut].reshape(self.outputs, self.features.N), w[cut:]

    def predict(self, w: Array, t: int = 1) -> Array:
        """z_i = W x_i + b for the examples of step t, (B, outputs)."""
        return self.predict_columns(t, w[:, None])[:, :, 0]

    def predict_columns(self, t: int, dw: Array) -> Array:
        """dz_i = dW x_i + db for columns dw (p, k): (B, outputs, k)."""
        K, N, k = self.outputs, self.features.N, dw.shape[1]
        V = dw[: K * N].reshape(K, N, k).transpose(0, 2, 1).reshape(K * k, N)
        dz = self.features.times(t, V).reshape(-1, K, k)
        return dz + dw[K * N :] if self.bias else dz

    def predict_both(self, t: int, w: Array, dw: Array) -> tuple[Array, Array]:
        """z_i and dz_i in one pass over X, which is what costs."""
        both = self.predict_columns(t, np.concatenate([w[:, None], dw], axis=1))
        return both[:, :, 0], both[:, :, 1:]

    def pull_columns(self, t: int, R: Array) -> Array:
        """The transpose: Σ R_i x_iᵀ for columns R (B, outputs, k), laid out like w: (p, k)."""
        K, k = R.shape[1:]
        pulled = self.features.pull(t, R.reshape(-1, K * k)).reshape(K, k, -1)
        G = pulled.transpose(0, 2, 1).reshape(-1, k)
        return np.concatenate([G, R.sum(axis=0)]) if self.bias else G

    # the weights of the examples
    def hyper(self, p: int) -> Shapes:
        return {self.block: (self.features.n,)} if self.example_weights else {}

    def check_blocks(self, lam: Blocks) -> None:
        if self.example_weights:
            advice = "; project onto hgref.constraints.NonNegative()"
            require_at_least(self.block, lam[self.block], 0, advice)

    def check_run(self, T: int, p: int) -> None:
        table = self.features.batches
        if table is not None and len(table) != T:
            raise ValueError(
                f"batches: expected one row for each of the T = {T} steps, shape ({T}, B), "
                f"found {table.shape}"
            )

    def scale(self, t: int, lam: Blocks) -> Any:
        """c_i = λ_i / B, (B,) or a scalar."""
        rows = self.features.rows(t)
        B = len(self.y[rows])
        return lam[self.block][rows] / B if self.example_weights else 1 / B

    # the five functions of an objective
    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        y = self.y[self.features.rows(t)]
        return np.sum(self.scale(t, lam) * self.loss(self.predict(w, t), y))

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        r = self.residual(self.predict(w, t), self.y[self.features.rows(t)])
        return self.pull_columns(t, laws.weighted(spread(self.scale(t, lam)), r[:, :, None]))[:, 0]

    def grad_jvp(self, t: int, w: Array, lam: Blocks, dw: Array, dlam: Blocks) -> Array:
        rows = self.features.rows(t)
        y, (z, dz) = self.y[rows], self.predict_both(t, w, dw)
        c, dr = spread(self.scale(t, lam)), self.curvature(z, y, dz)
        if not (self.example_weights and self.block in dlam):
            return self.pull_columns(t, laws.weighted(c, dr))
        dc = dlam[self.block][rows] / len(y)
        r = self.residual(z, y)[:, :, None]
        return self.pull_columns(t, laws.weighted_jvp(c, r, dr, dc[:, None, :]))

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        rows = self.features.rows(t)
        y, (z, a) = self.y[rows], self.predict_both(t, w, u[:, None])
        c, r = spread(self.scale(t, lam)), self.residual(z, y)[:, :, None]
        b_r, b_c = laws.weighted_vjp(c, r, a)
        uH = self.pull_columns(t, self.curvature(z, y, b_r))[:, 0]
        if not self.example_weights:
            return uH, {}
        return uH, {self.block: self.scatter(t, b_c[:, :, 0].sum(axis=1))}

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        if not self.example_weights:
            return {}
        y = self.y[self.features.rows(t)]
        return {self.block: self.scatter(t, self.loss(self.predict(w, t), y))}

    def scatter(self, t: int, share: Array) -> Array:
        """(1/B) Σ over the batch of each example's share, (n,); one may stand in it twice."""
        total = np.zeros(self.features.n, dtype=share.dtype)
        np.add.at(total, self.features.rows(t), share / len(share))
        return total


def spread(c: Any) -> Array:
    """c_i, or one c for all, so that it multiplies arrays (B, outputs, k)."""
    return np.reshape(c, (-1, 1, 1))


def softplus(z: Array) -> Array:
    """log(1 + e^z) without overflow; the shift is a constant, so complex steps pass through."""
    shift = np.maximum(z.real.astype(float), 0)
    return shift + np.log(np.exp(-shift) + np.exp(z - shift))


def sigmoid(z: Array) -> Array:
    """1 / (1 + e^{-z}) without overflow."""
    shift = np.maximum(z.real.astype(float), 0)
    return np.exp(z - shift) / (np.exp(-shift) + np.exp(z - shift))
