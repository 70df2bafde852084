"""The function that training minimises, J plus weight decay: gradient and products with H, M."""

from __future__ import annotations

import numpy as np

from hgref.arguments import Array
from hgref.dynamics import AdaGrad, Adam, Dynamics, GradientDescent, Momentum, RMSProp
from hgref.layout import Blocks
from hgref.objectives.data_loss import DataLoss
from hgref.run import Run

AUTONOMOUS = (GradientDescent, Momentum)  # the same map at every step
MINIMISERS = (*AUTONOMOUS, Adam, RMSProp, AdaGrad)  # they stop where ∇J = 0; AdamW does not


class Inner:
    """J(·, λ) + ½ δ ‖w‖² at the λ of a run and step T.

    run        the run;  decay: δ of Momentum(weight_decay=δ)
    products   number of products with H so far
    """

    def __init__(self, run: Run):
        require_minimiser(run.dynamics)
        require_whole(run)
        self.run, self.J = run, run.dynamics.J
        self.decay = float(getattr(run.dynamics, "weight_decay", 0.0))
        self.products = 0

    def value(self, w: Array) -> float:
        """J + ½ δ ‖w‖²."""
        return float(self.J.value(self.run.T, w, self.run.lam) + self.decay * (w @ w) / 2)

    def at(self, w: Array) -> InnerAt:
        """Its gradient and products at w."""
        return InnerAt(self, w)


class InnerAt:
    """∇J + δ w at one w, and products with H + δ I and with M.

    grad   (p,)
    """

    def __init__(self, inner: Inner, w: Array):
        self.inner, self.w = inner, w
        self.linear = inner.J.at(inner.run.T, w, inner.run.lam)
        self.grad = self.linear.value + inner.decay * w

    def curved(self, u: Array) -> Array:
        """H u + δ u, (p,)."""
        self.inner.products += 1
        return self.linear.jvp(u[:, None], {})[:, 0] + self.inner.decay * u

    def mixed(self, u: Array) -> Blocks:
        """u M as blocks of λ_J."""
        return self.linear.vjp(u)[1]

    def along(self, dlam: Blocks) -> Array:
        """M dλ, (p,), for a direction dλ in blocks."""
        columns = {name: block[..., None] for name, block in dlam.items()}
        return self.linear.jvp(np.zeros((self.w.size, 1)), columns)[:, 0]

    def solved(self, a: Array, atol: float, iterations: int, start: Array | None = None) -> Array:
        """q with ‖a − q H‖ <= atol, by conjugate gradients; else the last of `iterations`."""
        from scipy.sparse.linalg import LinearOperator, cg

        H = LinearOperator((a.size, a.size), matvec=self.curved, dtype=float)
        return cg(H, a, x0=start, rtol=0.0, atol=atol, maxiter=iterations)[0]


def require_whole(run: Run) -> None:
    """Raise ValueError for a window of a longer run."""
    if run.before:
        raise ValueError("t0: expected 1 for implicit gradients, whose run has no windows")


def require_minimiser(dynamics: Dynamics) -> None:
    """Raise TypeError or ValueError unless training converges to a minimum of one function."""
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
