"""½ wᵀAw − bᵀw."""

from __future__ import annotations

from typing import Any

from hgref.arguments import Array, as_array
from hgref.at import At
from hgref.layout import Blocks
from hgref.objectives.objective import Objective


class Quadratic(Objective):
    """J(w) = ½ wᵀAw − bᵀw: the objective whose whole training run has a closed form.

        g = ½(A + Aᵀ) w − b,     H = ½(A + Aᵀ),     no λ

    A        (p, p), symmetric or not
    b        (p,)
    Cost     O(p²) a product
    Exact    to rounding
    Beware   gradient descent diverges if an eigenvalue of H exceeds 2/η
    Source   Franceschi et al. 2017, section 2 (any differentiable J); the formula is the textbook's

    Example
        >>> hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0]).grad(1, np.zeros(2), {})
        array([-1., 0.])
    """

    same_at_every_step = True

    def __init__(self, A: Any, b: Any):
        if hasattr(A, "tocsr"):
            raise TypeError("A: expected a dense matrix, found a sparse one; give A.toarray()")
        self.A = as_array("A", A, ("p", "p"))
        self.p = len(self.A)
        require_square(self.A)
        self.b = as_array("b", b, (self.p,))
        self.H = (self.A + self.A.T) / 2

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        return w @ (self.A @ w) / 2 - self.b @ w

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        return At(self.H @ w - self.b, lambda dw, dlam: self.H @ dw, lambda u: (u @ self.H, {}))


def require_square(A: Array) -> None:
    if A.shape[0] != A.shape[1]:
        raise ValueError(f"A: expected a square matrix, found shape {A.shape}")
