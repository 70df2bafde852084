"""RMSProp, in the two conventions that are in use."""

from __future__ import annotations

from hgref.dynamics.root_of_squares import RootOfSquares


class RMSProp(RootOfSquares):
    """u_t = β u_{t-1} + (1 − β) g²,   w_t = w_{t-1} − η g / (√(u_t + ρ) + ε'),   g = ∇J_t(w_{t-1}).

    | convention | inside ρ | outside ε' |
    |------------|----------|------------|
    | torch      | 0        | eps        |
    | optax      | eps      | 0          |

    names    eta, beta, eps: torch.optim.RMSprop's lr, alpha, eps; optax.rmsprop's learning_rate,
             decay, eps
    state    (u, w), u_0 = 0
    Raises   ValueError where beta is outside [0, 1) or eps negative
    Cost     that of GradientDescent and O(p)
    Exact    to rounding, and also where g = 0 exactly: while u = 0 too the update has slope 1/ε'
             there, which autodiff libraries return as NaN (0 · ∞ in the slope of the root)
    Beware   neither the centred variant nor the one with momentum; TensorFlow 1 starts at u_0 = 1
    Source   Tieleman and Hinton 2012, lecture 6.5; the conventions: torch.optim.RMSprop, and
             optax.rmsprop with its default eps_in_sqrt=True
    """

    names = ("eta", "beta", "eps")
    below_one = ("beta",)
    averaged = 1
