"""Gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import as_array, require_at_least
from hgref.dynamics.coordinatewise import Coordinatewise, Law, Numbers
from hgref.objectives.objective import Objective


class Momentum(Coordinatewise):
    """v_t = μ v_{t-1} + ∇J_t(w_{t-1}),   w_t = w_{t-1} − η v_t.

    The three settings are those of torch.optim.SGD; they are not hyperparameters:

    weight_decay   δ: the gradient becomes h = ∇J_t + δ w
    dampening      τ: v_t = μ v_{t-1} + (1 − τ) h, but v_1 = h at the first step
    nesterov       w_t = w_{t-1} − η (h + μ v_t); needs dampening = 0

    over     see Dynamics
    names    eta, mu
    state    (v, w), v_0 = 0
    Cost     that of GradientDescent plus O(p)
    Exact    to rounding
    Beware   torch ignores dampening if μ is exactly 0; here it still applies
    Source   Franceschi et al. 2017, section 2; the settings: torch.optim.SGD

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.Momentum(J), J, T=2)
        >>> hgref.reverse(problem, problem.pack(eta=0.1, mu=0.9)).grad.round(3).tolist()
        [-9.72, -0.36]
    """

    state = ("v", "w")
    names = ("eta", "mu")
    law = Law(laws.momentum_step, laws.momentum_jvp, laws.momentum_vjp)

    def __init__(
        self,
        J: Objective,
        *,
        nesterov: bool = False,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        over: Mapping[str, Any] | None = None,
    ):
        super().__init__(J, over)
        self.nesterov = bool(nesterov)
        self.dampening = float(as_array("dampening", dampening, ()))
        self.weight_decay = float(as_array("weight_decay", weight_decay, ()))
        require_at_least("weight_decay", np.asarray(self.weight_decay), 0)
        if self.nesterov and self.dampening:
            raise ValueError(f"nesterov: expected dampening = 0, found {dampening}")

    def numbers(self, t: int, rates: Numbers) -> Numbers:
        keep = np.where(np.equal(t, 1), 1.0, 1.0 - self.dampening)
        fixed = {"keep": keep, "decay": self.weight_decay, "nesterov": int(self.nesterov)}
        return {**super().numbers(t, rates), **fixed}


def Nesterov(
    J: Objective, *, weight_decay: float = 0.0, over: Mapping[str, Any] | None = None
) -> Momentum:
    """h = ∇J_t + δ w,   v_t = μ v_{t-1} + h,   w_t = w_{t-1} − η (h + μ v_t).

    over     see Dynamics
    returns  Momentum(J, nesterov=True, weight_decay=δ, over=over)
    Raises   as Momentum
    Cost     that of Momentum
    Exact    to rounding
    Beware   torch and optax agree on this form; Nesterov's own takes the gradient at w − η μ v
    Source   torch.optim.SGD and optax.sgd with nesterov=True; Sutskever et al. 2013, section 2

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.Nesterov(J), J, T=2)
        >>> hgref.reverse(problem, problem.pack(eta=0.1, mu=0.9)).grad.round(3).tolist()
        [-11.18, -0.983]
    """
    return Momentum(J, nesterov=True, weight_decay=weight_decay, over=over)
