"""What RMSProp and AdaGrad share: each gradient is divided by the root of accumulated squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array, require_known
from hgref.dynamics.dynamics import Dynamics
from hgref.layout import Blocks
from hgref.objectives.objective import Objective

CONVENTIONS = {"torch": ("eps", None), "optax": (None, "eps")}  # ε' outside the root, ρ inside


class RootOfSquares(Dynamics):
    """u_t = κ u + (1 − a β) g²,   w_t = w − η g / (√(u_t + ρ) + ε').

    averaged  a: 1 with κ = β, 0 with κ = 1
    initial   u_0, the same for every weight
    """

    state = ("u", "w")
    positive = ("eps",)
    averaged: int
    initial = 0.0

    def __init__(self, J: Objective, convention: str = "torch"):
        super().__init__(J)
        require_known(convention, CONVENTIONS, f"convention of {type(self).__name__}")
        self.convention = convention

    @property
    def rates(self) -> tuple[str | None, ...]:
        return ("eta", "beta" if self.averaged else None, *CONVENTIONS[self.convention])

    def start(self, w0: Array) -> Array:
        """s_0: every u at `initial`, weights at w0."""
        return np.concatenate([np.full_like(w0, self.initial), w0])

    def law(self, t: int, s: Array, lam: Blocks) -> tuple[Any, ...]:
        """What each of the three laws reads: u, w, g, η, β, a, ε', ρ."""
        u, w = self.split(s)
        eta, beta, *eps = self.at(t, lam)
        return u, w, self.J.grad(t, w, lam), eta, beta, self.averaged, *eps

    def step(self, t: int, s: Array, lam: Blocks) -> Array:
        return np.concatenate(laws.rms_step(*self.law(t, s, lam)))

    def jvp(self, t: int, s: Array, lam: Blocks, ds: Array, dlam: Blocks) -> Array:
        u, w, g, *constants = self.law(t, s, lam)
        du, dw = self.split(ds)
        dg = self.J.grad_jvp(t, w, lam, dw, dlam)
        tangent = (du, dw, dg, *self.tangents_at(t, lam, dlam))
        return np.concatenate(laws.rms_jvp(u[:, None], g[:, None], *constants, *tangent))

    def vjp(self, t: int, s: Array, lam: Blocks, alpha: Array) -> tuple[Array, Blocks]:
        u, w, g, *constants = self.law(t, s, lam)
        b_u, b_w, b_g, *b_rates = laws.rms_vjp(u, g, *constants, *self.split(alpha))
        uH, uM = self.J.grad_vjp(t, w, lam, b_g)
        shares = self.cotangents_at(t, lam, *b_rates)
        return np.concatenate([b_u, b_w + uH]), {**uM, **shares}
