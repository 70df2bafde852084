"""AdaGrad, in the conventions of torch and optax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hgref.arguments import as_array, require_at_least
from hgref.dynamics.root_of_squares import RootOfSquares
from hgref.objectives.objective import Objective

INITIAL = {"torch": 0.0, "optax": 0.1}  # u_0 by default


class AdaGrad(RootOfSquares):
    """u_t = u_{t-1} + g²,   w_t = w_{t-1} − η g / (√(u_t + ρ) + ε'),   g = ∇J_t(w_{t-1}).

    | convention | inside ρ | outside ε' | u_0 |
    |------------|----------|------------|-----|
    | torch      | 0        | eps        | 0   |
    | optax      | eps      | 0          | 0.1 |

    initial  u_0 of every weight, a setting and not a hyperparameter; default: the convention's
    over     see Dynamics
    names    eta, eps
    state    (u, w)
    Raises   ValueError if eps or initial is negative
    Cost     that of GradientDescent plus O(p)
    Exact    to rounding, also at g = 0: while u = 0, dw/dg is −η / (√ρ + ε') there. Where ρ = 0
             torch returns NaN, and optax 0
    Beware   torch's lr_decay is a schedule: eta_t = lr / (1 + (t − 1) lr_decay)
    Source   Duchi, Hazan and Singer 2011; the conventions: torch.optim.Adagrad, optax.adagrad

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.AdaGrad(J), J, T=2)
        >>> hgref.reverse(problem, problem.pack(eta=0.1, eps=0.1)).grad.round(3).tolist()
        [-4.21, 0.228]
    """

    names = ("eta", "eps")
    averaged = 0

    def __init__(
        self,
        J: Objective,
        convention: str = "torch",
        initial: float | None = None,
        over: Mapping[str, Any] | None = None,
    ):
        super().__init__(J, convention, over)
        start = INITIAL[convention] if initial is None else initial
        self.initial = float(as_array("initial", start, ()))
        require_at_least("initial", np.asarray(self.initial), 0)
