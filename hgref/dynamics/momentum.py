"""Gradient descent with momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array, as_array, require_at_least
from hgref.dynamics.dynamics import Dynamics
from hgref.layout import Blocks
from hgref.objectives.objective import Objective


class Momentum(Dynamics):
    """v_t = μ v_{t-1} + ∇J_t(w_{t-1}),   w_t = w_{t-1} − η v_t.

    The three settings mean what torch.optim.SGD means by them (they are not hyperparameters):

    weight_decay   δ: the gradient becomes h = ∇J_t + δ w
    dampening      τ: v_t = μ v_{t-1} + (1 − τ) h, but v_1 = h at the first step
    nesterov       w_t = w_{t-1} − η (h + μ v_t); needs dampening = 0

    names    eta, mu
    state    (v, w), v_0 = 0
    Cost     that of GradientDescent and O(p)
    Exact    to rounding
    Beware   with μ exactly 0 torch ignores its dampening; here it still applies
    Source   Franceschi et al. 2017, section 2; the settings: torch.optim.SGD
    """

    state = ("v", "w")
    names = ("eta", "mu")

    def __init__(
        self,
        J: Objective,
        *,
        nesterov: bool = False,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
    ):
        super().__init__(J)
        self.nesterov = bool(nesterov)
        self.dampening = float(as_array("dampening", dampening, ()))
        self.weight_decay = float(as_array("weight_decay", weight_decay, ()))
        require_at_least("weight_decay", np.asarray(self.weight_decay), 0)
        if self.nesterov and self.dampening:
            raise ValueError(f"nesterov: expected dampening 0 beside it, found {dampening}")

    def law(self, t: int, s: Array, lam: Blocks) -> tuple[Any, ...]:
        """What each of the three laws reads: v, w, g, η, μ, κ, δ, nesterov."""
        v, w = self.split(s)
        keep = 1.0 if t == 1 else 1.0 - self.dampening
        g = self.J.grad(t, w, lam)
        return v, w, g, *self.at(t, lam), keep, self.weight_decay, int(self.nesterov)

    def step(self, t: int, s: Array, lam: Blocks) -> Array:
        return np.concatenate(laws.momentum_step(*self.law(t, s, lam)))

    def jvp(self, t: int, s: Array, lam: Blocks, ds: Array, dlam: Blocks) -> Array:
        v, w, g, *constants = self.law(t, s, lam)
        dv, dw = self.split(ds)
        dg = self.J.grad_jvp(t, w, lam, dw, dlam)
        point = (v[:, None], w[:, None], g[:, None], *constants)
        tangent = (dv, dw, dg, *self.tangents_at(t, lam, dlam))
        return np.concatenate(laws.momentum_jvp(*point, *tangent))

    def vjp(self, t: int, s: Array, lam: Blocks, alpha: Array) -> tuple[Array, Blocks]:
        law = self.law(t, s, lam)
        b_v, b_w, b_g, b_eta, b_mu = laws.momentum_vjp(*law, *self.split(alpha))
        uH, uM = self.J.grad_vjp(t, law[1], lam, b_g)
        shares = self.cotangents_at(t, lam, b_eta, b_mu)
        return np.concatenate([b_v, b_w + uH]), {**uM, **shares}


def Nesterov(J: Objective, *, weight_decay: float = 0.0) -> Momentum:
    """h = ∇J_t + δ w,   v_t = μ v_{t-1} + h,   w_t = w_{t-1} − η (h + μ v_t).

    returns  Momentum(J, nesterov=True, weight_decay=δ), under the name that it is looked for by
    Raises   as Momentum
    Cost     that of Momentum
    Exact    to rounding
    Beware   torch and optax agree on this form; Nesterov's own takes the gradient at w − η μ v
    Source   torch.optim.SGD and optax.sgd with nesterov=True; Sutskever et al. 2013, section 2
    """
    return Momentum(J, nesterov=True, weight_decay=weight_decay)
