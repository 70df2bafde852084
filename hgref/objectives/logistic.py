"""Mean cross-entropy of two classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array
from hgref.objectives.linear_model import LinearModel, sigmoid, softplus


class Logistic(LinearModel):
    """J(w) = (1/n) Σ log(1 + e^{z_i}) − y_i z_i,   z_i = w·x_i + b,   y_i ∈ {0, 1}.

        r = σ(z) − y,     C = σ(z)(1 − σ(z))

    X        (n, N) dense or scipy.sparse;  y  (n,) of 0 and 1
    bias     True: w (N + 1,), b last
    example_weights, centre, batches   see LinearModel, Features
    Raises   ValueError for a label that is neither 0 nor 1 (labels in {−1, 1}: use (y + 1) / 2)
    Cost     O(n N) a product
    Exact    to rounding, also for |z| in the hundreds
    Source   the textbook's
    """

    def read_targets(self, y: Any) -> Array:
        targets = super().read_targets(y)
        odd = np.flatnonzero((targets != 0) & (targets != 1))
        if odd.size:
            i = int(odd[0])
            raise ValueError(f"y: expected labels 0 or 1, found {targets[i]} at index {i}")
        return targets

    def loss(self, z: Array, y: Array) -> Array:
        return softplus(z[:, 0]) - y * z[:, 0]

    def residual(self, z: Array, y: Array) -> Array:
        return laws.residual(sigmoid(z), y[:, None])

    def curvature(self, z: Array, y: Array, dz: Array) -> Array:
        return laws.logistic_curvature(sigmoid(z)[:, :, None], sigmoid(-z)[:, :, None], dz)
