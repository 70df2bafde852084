"""Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hgref.dynamics.adam import Adam
from hgref.objectives.objective import Objective


class AdamW(Adam):
    """w_t = (1 − η δ) w_{t-1} − η c1 m_t / (√(c2 u_t + ρ) + ε'),   m_t, u_t, c1, c2, ρ, ε' of Adam.

    The decay δ bypasses the gradient, and so m and u. For a decay that passes through them, use
    `Adam` with J + L2().

    over     see Dynamics
    names    those of Adam in the same convention, then weight_decay; derivatives for all of them
    state    (m, u, w), m_0 = u_0 = 0
    Raises   ValueError if a beta is outside [0, 1), an epsilon or weight_decay negative
    Cost     that of Adam
    Exact    as Adam, including g = 0
    Beware   the decay is multiplied by η, as in torch and optax (whose defaults differ: 0.01,
             0.0001); Loshchilov and Hutter multiply it by the schedule alone. All weights decay,
             including biases
    Source   Loshchilov and Hutter 2019; the conventions: torch.optim.AdamW, optax.adamw, and
             Keras' AdamW (tf1)

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.AdamW(J), J, T=2)
        >>> lam = problem.pack(eta=0.1, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.1)
        >>> hgref.reverse(problem, lam)["weight_decay"].round(3).tolist()
        0.026
    """

    decay = ("weight_decay",)

    def __init__(
        self, J: Objective, convention: str = "torch", over: Mapping[str, Any] | None = None
    ):
        super().__init__(J, convention, over)
