"""What training minimises, J and the weight decay beside it: gradient and products with H, M."""

from __future__ import annotations

import numpy as np

from hgref.arguments import Array
from hgref.dynamics import AdaGrad, Adam, GradientDescent, Momentum, RMSProp
from hgref.layout import Blocks
from hgref.objectives.data_loss import DataLoss
from hgref.problem import Problem

AUTONOMOUS = (GradientDescent, Momentum)  # their step is the same map at every t
MINIMISERS = (*AUTONOMOUS, Adam, RMSProp, AdaGrad)  # they stop where ∇J = 0, and AdamW elsewhere


class Inner:
    """J(·, λ) + ½ δ ‖w‖² at one λ, as it is at step T.

    problem, lam   the problem, and λ in blocks
    decay          δ of Momentum(weight_decay=δ)
    products       how many products with H were taken
    """

    def __init__(self, problem: Problem, lam: Blocks):
        require_minimiser(problem)
        self.problem, self.lam, self.J = problem, lam, problem.dynamics.J
        self.decay = float(getattr(problem.dynamics, "weight_decay", 0.0))
        self.products = 0

    def value(self, w: Array) -> float:
        """J + ½ δ ‖w‖²."""
        return float(self.J.value(self.problem.T, w, self.lam) + self.decay * (w @ w) / 2)

    def grad(self, w: Array) -> Array:
        """∇J + δ w, (p,)."""
        return self.J.grad(self.problem.T, w, self.lam) + self.decay * w

    def curved(self, w: Array, u: Array) -> Array:
        """H u + δ u, (p,)."""
        self.products += 1
        Hu = self.J.grad_jvp(self.problem.T, w, self.lam, u[:, None], {})[:, 0]
        return Hu + self.decay * u

    def mixed(self, w: Array, u: Array) -> Blocks:
        """u M as blocks of λ_J."""
        return self.J.grad_vjp(self.problem.T, w, self.lam, u)[1]

    def solved(
        self, w: Array, a: Array, atol: float, iterations: int, start: Array | None = None
    ) -> Array:
        """q with ‖a − q H‖ <= atol, by conjugate gradients from `start`; or as far as it came."""
        from scipy.sparse.linalg import LinearOperator, cg

        H = LinearOperator((a.size, a.size), matvec=lambda u: self.curved(w, u), dtype=float)
        return cg(H, a, x0=start, rtol=0.0, atol=atol, maxiter=iterations)[0]

    def along(self, w: Array, dlam: Blocks) -> Array:
        """M dλ, (p,), for a direction dλ in blocks."""
        columns = {name: block[..., None] for name, block in dlam.items()}
        still = np.zeros((self.problem.p, 1))
        return self.J.grad_jvp(self.problem.T, w, self.lam, still, columns)[:, 0]


def require_minimiser(problem: Problem) -> None:
    """Raise, in a sentence, where training does not go to a minimum of one function."""
    dynamics = problem.dynamics
    if type(dynamics) not in MINIMISERS:
        names = ", ".join(kind.__name__ for kind in MINIMISERS)
        raise TypeError(
            f"implicit: expected {names}, which stop where ∇J = 0, found {type(dynamics).__name__}"
        )
    for part in dynamics.J.terms():
        if isinstance(part, DataLoss) and part.features.batches is not None:
            raise ValueError(
                "implicit: expected one J for all steps, found mini-batches: such a run has no "
                "limit; leave batches out, or use reverse"
            )
