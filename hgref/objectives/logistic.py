"""Mean cross-entropy of two classes."""

from __future__ import annotations

from typing import Any

from hgref.objectives.linear_model import LinearModel
from hgref.objectives.losses import TwoClasses


class Logistic(LinearModel):
    """J(w) = (1/n) Σ log(1 + e^{z_i}) − y_i z_i,   z_i = w·x_i + b,   y_i ∈ {0, 1}.

        r = σ(z) − y,     C = σ(z)(1 − σ(z))

    X        (n, N) dense or scipy.sparse;  y  (n,) of 0 and 1
    bias     True: w (N + 1,), b last
    example_weights, centre, batches   see DataLoss, Features
    Raises   ValueError for a label that is neither 0 nor 1 (labels in {−1, 1}: use (y + 1) / 2)
    Cost     O(n N) a product
    Exact    to rounding, also for |z| in the hundreds
    Source   the textbook's

    Example
        >>> J = hgref.objectives.Logistic([[1.0], [-1.0]], [1, 0])
        >>> J.grad(1, np.zeros(J.p), {}).tolist()
        [-0.5, 0.0]
    """

    def __init__(self, X: Any, y: Any, **options: Any):
        super().__init__(X, y, TwoClasses(), **options)
