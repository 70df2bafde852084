"""Adam with decoupled weight decay."""

from __future__ import annotations

from hgref.dynamics.adam import Adam
from hgref.objectives.objective import Objective


class AdamW(Adam):
    """w_t = (1 − η δ) w_{t-1} − η c1 m_t / (√(c2 u_t + ρ) + ε'),   m_t, u_t, c1, c2, ρ, ε' of Adam.

    The decay δ does not pass through the gradient, and so not through m and u: `Adam` over
    J + L2() is the other thing.

    names    those of Adam in the same convention, then weight_decay, with an exact derivative
    state    (m, u, w), m_0 = u_0 = 0
    Raises   ValueError where a beta is outside [0, 1), an epsilon or weight_decay negative
    Cost     that of Adam
    Exact    as Adam, a gradient that is exactly zero included
    Beware   the decay is multiplied by η, as in torch and optax, whose default values for it differ
             (0.01, 0.0001); Loshchilov and Hutter multiply it by the schedule alone. All weights
             decay, the biases too
    Source   Loshchilov and Hutter 2019; the conventions: torch.optim.AdamW, optax.adamw, and
             Keras' AdamW (tf1)
    """

    def __init__(self, J: Objective, convention: str = "torch"):
        super().__init__(J, convention)
        self.names = (*self.names, "weight_decay")
        self.positive = (*self.positive, "weight_decay")
