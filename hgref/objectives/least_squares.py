"""1/(2n) ‖Xw − y‖²."""

from __future__ import annotations

from typing import Any

from hgref.arguments import as_array
from hgref.objectives.linear_model import LinearModel
from hgref.objectives.losses import Squares


class LeastSquares(LinearModel):
    """J(w) = 1/(2n) ‖Xw − y‖² = (1/n) Σ ½ (w·x_i − y_i)².

    X        (n, N) dense or scipy.sparse;  y  (n,)
    bias     False: w (N,); True: w (N + 1,), the last entry is added to every prediction
    example_weights, centre, batches   see DataLoss, Features
    Cost     O(n N) a product
    Exact    to rounding
    Beware   a mean, not a sum: half of the mean squared error of the frameworks
    Source   the textbook's; with L2() it is ridge regression

    Example
        >>> J = hgref.objectives.LeastSquares([[1.0], [2.0]], [1.0, 3.0])
        >>> J.grad(1, np.zeros(1), {}).tolist()
        [-3.5]
    """

    def __init__(self, X: Any, y: Any, *, bias: bool = False, **options: Any):
        super().__init__(X, as_array("y", y, ("n",)), Squares(), bias=bias, **options)
