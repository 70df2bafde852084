"""Mean cross-entropy of many classes: the model of data hyper-cleaning."""

from __future__ import annotations

from typing import Any

from hgref.objectives.linear_model import LinearModel
from hgref.objectives.losses import CrossEntropy


class Softmax(LinearModel):
    """J(w, λ) = (1/n) Σ λ_i ℓ(W, b, x_i),   ℓ = log Σ_k e^{z_ik} − z_{i,y_i},   z_i = W x_i + b.

        P = softmax(z),     r = P − onehot(y),     C dz = P ∘ (dz − P·dz)

    X        (n, N) dense or scipy.sparse;  y  (n,) integers 0 … classes-1
    classes  number of classes K; default: the largest label + 1
    bias     True: w (K(N+1),) = W (K, N) row by row, then b (K,)
    example_weights   True: λ_i is the block `weights` (n,), non-negative
    centre, batches   see Features
    Raises   ValueError for labels outside 0 … K-1
    Cost     O(n N K) a product
    Exact    to rounding: logits are shifted by their maximum, a constant
    Beware   give a validation set the *training* mean: centre=training.features.centre, where
             `training` is the Softmax itself, not a sum with penalties
    Source   Franceschi et al. 2017, section 5.1

    Example
        >>> J = hgref.objectives.Softmax([[1.0], [2.0]], [0, 1], example_weights=True)
        >>> J.grad(1, np.zeros(J.p), {"weights": np.array([1.0, 0.0])}).tolist()
        [-0.25, 0.25, -0.25, 0.25]
    """

    def __init__(self, X: Any, y: Any, classes: int | None = None, **options: Any):
        super().__init__(X, y, CrossEntropy(classes), **options)
