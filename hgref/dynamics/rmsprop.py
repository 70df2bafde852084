"""RMSProp, in the conventions of torch and optax."""

from __future__ import annotations

from hgref.dynamics.root_of_squares import RootOfSquares


class RMSProp(RootOfSquares):
    """u_t = β u_{t-1} + (1 − β) g²,   w_t = w_{t-1} − η g / (√(u_t + ρ) + ε'),   g = ∇J_t(w_{t-1}).

    | convention | inside ρ | outside ε' |
    |------------|----------|------------|
    | torch      | 0        | eps        |
    | optax      | eps      | 0          |

    over     see Dynamics
    names    eta, beta, eps: torch.optim.RMSprop's lr, alpha, eps; optax.rmsprop's learning_rate,
             decay, eps
    state    (u, w), u_0 = 0
    Raises   ValueError if beta is outside [0, 1) or eps negative
    Cost     that of GradientDescent plus O(p)
    Exact    to rounding, also at g = 0: while u = 0, dw/dg is −η / (√ρ + ε') there. Where ρ = 0
             torch returns NaN (0 · ∞ in the slope of the root)
    Beware   the centred variant and the one with momentum are not covered; TensorFlow 1 starts at
             u_0 = 1
    Source   Tieleman and Hinton 2012, lecture 6.5; the conventions: torch.optim.RMSprop, and
             optax.rmsprop with its default eps_in_sqrt=True

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.RMSProp(J), J, T=2)
        >>> hgref.reverse(problem, problem.pack(eta=0.1, beta=0.9, eps=0.1)).grad.round(3).tolist()
        [-9.024, -3.734, 1.349]
    """

    names = ("eta", "beta", "eps")
    below_one = ("beta",)
    averaged = 1
