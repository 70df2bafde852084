"""Means of a loss over examples: data, targets, mini-batches and example weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array, require_at_least, require_shape
from hgref.layout import Blocks
from hgref.objectives.features import Features
from hgref.objectives.losses import Loss, LossAt
from hgref.objectives.objective import Objective, Shapes


class DataLoss(Objective):
    """J_t(w, λ) = (1/B) Σ_{i ∈ batch t} λ_i ℓ(z_i, y_i),   z_i the model's prediction for x_i.

    With r_i = ∂ℓ/∂z_i, C_i = ∂²ℓ/∂z_i², parameters θ of the loss, and c = λ/B, the cotangent of z_i
    and its tangent are

        c_i r_i,     c_i (C_i dz_i + ∂r_i/∂θ dθ) + dc_i r_i

    The model propagates them back to g and H dw + M dλ. With a_i = (∂z_i/∂w) u

        (u M)_i = r_i · a_i / B,     (u M)_θ = Σ_i c_i a_i · ∂r_i/∂θ

    Columns come first: (k, B, outputs). The model is defined by the subclass.

    λ_i      block `weights` (n,), or another name given as `example_weights`; without it all λ_i
             are 1 and no hyperparameters
    centre, batches   see Features
    """

    p: int

    def __init__(
        self,
        X: Any,
        y: Any,
        loss: Loss,
        *,
        example_weights: bool | str = False,
        centre: Any = None,
        batches: Any = None,
    ):
        self.features = Features(X, centre, batches)
        self.loss = loss
        self.y = loss.targets(y)
        require_shape("y", np.shape(y), (self.features.n, *np.shape(y)[1:]))
        self.outputs = self.y.shape[1]  # the length of z_i
        copied = self.features.batches is not None  # then y_i is copied too
        self.same_at_every_step = self.features.batches is None
        self.kept = self.features.B * self.outputs * (loss.kept + copied)
        self.example_weights = bool(example_weights)
        self.block = example_weights if isinstance(example_weights, str) else "weights"

    # the model, defined by the subclass
    def layers(self, w: Array) -> list[tuple[Array, Array]]:
        """[(W, b), …] of a weight vector w (p,), each W (outputs × inputs); views."""
        raise NotImplementedError

    def predict(self, w: Array, t: int = 1) -> Array:
        """z_i for the examples of step t, (B, outputs)."""
        raise NotImplementedError

    # λ: example weights and parameters of the loss
    def hyper(self, p: int) -> Shapes:
        weights = {self.block: (self.features.n,)} if self.example_weights else {}
        own = self.loss.hyper()
        if weights.keys() & own.keys():
            raise ValueError(
                f"example_weights: expected another name than {self.block!r}, which is a block of "
                f"the loss"
            )
        return {**weights, **own}

    def check_blocks(self, lam: Blocks) -> None:
        if self.example_weights:
            advice = "; project onto hgref.constraints.NonNegative()"
            require_at_least(self.block, lam[self.block], 0, advice)
        self.loss.check_blocks(lam)

    def check_run(self, T: int, p: int) -> None:
        table = self.features.batches
        if table is not None and len(table) != T:
            raise ValueError(
                f"batches: expected one row for each of the T = {T} steps, shape ({T}, B), "
                f"found {table.shape}"
            )

    def targets(self, t: int) -> Array:
        """y_i of the examples of step t, (B, outputs)."""
        return self.y[self.features.rows(t)]

    def scale(self, t: int, lam: Blocks) -> Array:
        """c_i = λ_i / B, (B, 1), or (1, 1) if they are all equal."""
        weights = lam[self.block][self.features.rows(t)] if self.example_weights else 1.0
        return np.reshape(weights, (-1, 1)) / self.features.B

    def scale_jvp(self, t: int, dlam: Blocks) -> Array | None:
        """dc_i = dλ_i / B, (k, B, 1); None if it is zero."""
        if not (self.example_weights and self.block in dlam):
            return None
        return dlam[self.block][self.features.rows(t)].T[:, :, None] / self.features.B

    # the start of the way back, at the predictions
    def cotangent_jvp(
        self, here: LossAt, c: Array, dz: Array, dlam: Blocks, dc: Array | None
    ) -> Array:
        """The tangents of c_i r_i along dz (k, B, outputs), dλ and dc."""
        dr = here.curvature(dz)
        if any(name in dlam for name in self.loss.hyper()):
            dr = dr + here.moved(dlam)
        return laws.weighted(c, dr) if dc is None else laws.weighted_jvp(c, here.residual(), dr, dc)

    def shares(self, here: LossAt, c: Array, a: Array) -> Blocks:
        """The share of each example in B (u M)_i and in (u M)_θ, (B,) each; a is (B, outputs)."""
        found = {name: c[:, 0] * share for name, share in here.shares(a).items()}
        if self.example_weights:
            _, b_c = laws.weighted_vjp(c, here.residual(), a)
            found[self.block] = b_c.sum(axis=1)
        return found

    def gathered(self, t: int, shares: Blocks) -> Blocks:
        """Blocks of λ_J from the shares of the examples of step t."""
        blocks = {name: share.sum() for name, share in shares.items()}
        if self.example_weights:
            blocks[self.block] = self.scatter(t, shares[self.block])
        return blocks

    def scatter(self, t: int, share: Array) -> Array:
        """(1/B) Σ over the batch of the examples' shares, (n,); an example may occur twice."""
        total = np.zeros(self.features.n, dtype=share.dtype)
        np.add.at(total, self.features.rows(t), share / self.features.B)
        return total

    # the value and its derivatives in λ alone
    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        losses = self.loss.value(self.predict(w, t), self.targets(t), lam)
        return np.sum(self.scale(t, lam)[:, 0] * losses)

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        if not self.hyper(len(w)):
            return {}
        here, c = (self.predict(w, t), self.targets(t), lam), self.scale(t, lam)[:, 0]
        shares = {name: c * slope for name, slope in self.loss.value_lam(*here).items()}
        if self.example_weights:
            shares[self.block] = self.loss.value(*here)
        return self.gathered(t, shares)
