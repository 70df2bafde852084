"""Shared by RMSProp and AdaGrad: the gradient divided by the root of accumulated squares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array, require_known
from hgref.dynamics.coordinatewise import Coordinatewise, Law, Numbers
from hgref.objectives.objective import Objective

CONVENTIONS = {"torch": ("eps", None), "optax": (None, "eps")}  # ε' outside the root, ρ inside


class RootOfSquares(Coordinatewise):
    """u_t = κ u + (1 − a β) g²,   w_t = w − η g / (√(u_t + ρ) + ε').

    averaged  a: 1 with κ = β, 0 with κ = 1
    initial   u_0, the same for every weight
    """

    state = ("u", "w")
    law = Law(laws.rms_step, laws.rms_jvp, laws.rms_vjp)
    positive = ("eps",)
    averaged: int
    initial = 0.0

    def __init__(
        self, J: Objective, convention: str = "torch", over: Mapping[str, Any] | None = None
    ):
        super().__init__(J, over)
        require_known(convention, CONVENTIONS, f"convention of {type(self).__name__}")
        self.convention = convention

    @property
    def rates(self) -> dict[str, str | None]:
        outside, inside = CONVENTIONS[self.convention]
        beta = "beta" if self.averaged else None
        return {"eta": "eta", "beta": beta, "eps": outside, "eps_root": inside}

    def numbers(self, t: int, rates: Numbers) -> Numbers:
        return {**super().numbers(t, rates), "averaged": self.averaged}

    def start(self, w0: Array) -> Array:
        """s_0: weights at w0, every u at `initial`."""
        return np.concatenate([np.full_like(w0, self.initial), w0])
