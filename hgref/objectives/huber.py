"""Mean Huber loss: squares for small errors, absolute values for large ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array, as_array, require_at_least
from hgref.layout import Blocks
from hgref.objectives.linear_model import LinearModel
from hgref.objectives.losses import LossAt, Own, Squares
from hgref.objectives.objective import Shapes


class HuberLoss(Squares):
    """ℓ = Σ ½ e² where |e| ≤ δ, δ (|e| − ½ δ) beyond,  e = z − y;  r = e or ±δ,  C dz = dz or 0.

    threshold   δ: the name of its block, or a number
    """

    def __init__(self, threshold: str | float):
        self.threshold = Own.read("threshold", threshold)
        if self.threshold.name is None:
            require_at_least("threshold", np.asarray(self.threshold.fixed), 0)

    def hyper(self) -> Shapes:
        return self.threshold.hyper()

    def check_blocks(self, lam: Blocks) -> None:
        for name in self.threshold.hyper():
            require_at_least(name, lam[name], 0)

    def value(self, z: Array, y: Array, lam: Blocks) -> Array:
        return laws.huber_value(z - y, self.threshold.of(lam))[0].sum(axis=1)

    def value_lam(self, z: Array, y: Array, lam: Blocks) -> Blocks:
        slopes = laws.huber_value(z - y, self.threshold.of(lam))[1]
        return self.threshold.block(slopes.sum(axis=1))

    def at(self, z: Array, y: Array, lam: Blocks) -> LossAt:
        here = z - y, self.threshold.of(lam)
        return LossAt(
            lambda: laws.huber_residual(*here),
            lambda dz: laws.huber_curvature(*here, dz, 0.0),
            lambda dlam: laws.huber_curvature(*here, 0.0, self.threshold.tangent(dlam)),
            lambda a: self.threshold.block(laws.huber_share(*here, a).sum(axis=1)),
        )


class Huber(LinearModel):
    """J(w, δ) = (1/n) Σ ℓ(w·x_i + b − y_i),   ℓ(e) = ½ e² where |e| ≤ δ, δ (|e| − ½ δ) beyond.

        r = e or ±δ,     C = 1 or 0,     ∂r/∂δ = 0 or ±1,     ∂ℓ/∂δ = 0 or |e| − δ

    X        (n, N) dense or scipy.sparse;  y  (n,)
    threshold   δ: the name of its block (a hyperparameter of shape ()), or a fixed number
    bias     False: w (N,); True: w (N + 1,), the last entry is added to every prediction
    example_weights, centre, batches   see LeastSquares
    Raises   ValueError for a threshold below 0
    Cost     O(n N) a product
    Exact    to rounding; where |e| = δ exactly, C = 1 and ∂r/∂δ = 0
    Beware   H jumps where an error crosses δ: finite differences across such a kink are off even
             if the gradient is right. torch.nn.HuberLoss is this ℓ; SmoothL1Loss is ℓ / δ
    Source   Huber 1964, Annals of Mathematical Statistics 35

    Example
        >>> J = hgref.objectives.Huber([[1.0], [1.0]], [0.5, 9.0])
        >>> J.grad(1, np.zeros(1), {"threshold": np.array(1.0)})
        array([-0.75])
    """

    def __init__(
        self,
        X: Any,
        y: Any,
        threshold: str | float = "threshold",
        *,
        bias: bool = False,
        **options: Any,
    ):
        super().__init__(X, as_array("y", y, ("n",)), HuberLoss(threshold), bias=bias, **options)
