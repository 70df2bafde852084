"""Adam, in the four conventions that are in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hgref import laws
from hgref.arguments import Array, require_known
from hgref.dynamics.dynamics import Dynamics
from hgref.layout import Blocks
from hgref.objectives.objective import Objective


class Convention(NamedTuple):
    """How the bias is corrected (c1, c2 with their derivatives) and where ε stands."""

    bias: Callable[..., Any]
    bias_jvp: Callable[..., Any]
    bias_vjp: Callable[..., Any]
    inside: str | None  # the hyperparameter that stands inside the root
    outside: str | None  # and the one outside


FOLDED = (laws.adam_bias_folded, laws.adam_bias_folded_jvp, laws.adam_bias_folded_vjp)
SPLIT = (laws.adam_bias_split, laws.adam_bias_split_jvp, laws.adam_bias_split_vjp)
CONVENTIONS = {
    "paper": Convention(*FOLDED, inside="eps", outside=None),
    "torch": Convention(*SPLIT, inside=None, outside="eps"),
    "optax": Convention(*SPLIT, inside="eps_root", outside="eps"),
    "tf1": Convention(*FOLDED, inside=None, outside="eps"),
}


class Adam(Dynamics):
    """m_t = β1 m + (1−β1) g,   u_t = β2 u + (1−β2) g²,   w_t = w − η c1 m_t / (√(c2 u_t + ρ) + ε').

    | convention | c1                    | c2          | inside ρ | outside ε' |
    |------------|-----------------------|-------------|----------|------------|
    | paper      | √(1−β2^t) / (1−β1^t)  | 1           | eps      | 0          |
    | torch      | 1 / (1−β1^t)          | 1 / (1−β2^t)| 0        | eps        |
    | optax      | 1 / (1−β1^t)          | 1 / (1−β2^t)| eps_root | eps        |
    | tf1        | √(1−β2^t) / (1−β1^t)  | 1           | 0        | eps        |

    names    eta, beta1, beta2, eps, and eps_root for optax; derivatives for all of them
    state    (m, u, w), m_0 = u_0 = 0
    Raises   ValueError where a beta is outside [0, 1) or an epsilon negative
    Cost     that of GradientDescent and O(p)
    Exact    to rounding, and also where g = 0 exactly: the update has slope c1 (1−β1)/ε there,
             which autodiff libraries return as NaN (0 · ∞ in the slope of the root)
    Beware   with β2 = 0 exactly and g = 0 after other gradients the map is not differentiable;
             a scheduled β enters the bias correction as β_t^t, as it does in torch and optax;
             `paper` adds ε inside the root and does not square it
    Source   Franceschi et al. 2017, section 2, and the authors' public code (paper); the other
             conventions: torch.optim.Adam, optax.adam, TensorFlow 1's AdamOptimizer
    """

    state = ("m", "u", "w")
    below_one = ("beta1", "beta2")

    def __init__(self, J: Objective, convention: str = "paper"):
        super().__init__(J)
        require_known(convention, CONVENTIONS, f"convention of {type(self).__name__}")
        self.convention = convention
        self.rule = CONVENTIONS[convention]
        self.positive = ("eps", "eps_root") if convention == "optax" else ("eps",)
        self.names = ("eta", "beta1", "beta2", *self.positive)

    @property
    def rates(self) -> tuple[str | None, ...]:
        decay = "weight_decay" if "weight_decay" in self.names else None
        return ("eta", "beta1", "beta2", self.rule.outside, self.rule.inside, decay)

    def law(self, t: int, s: Array, lam: Blocks) -> tuple[Any, ...]:
        """What the laws read: m, u, w, g, η, β1, β2, c1, c2, ε', ρ, and δ, which is 0 for Adam."""
        m, u, w = self.split(s)
        eta, beta1, beta2, *others = self.at(t, lam)
        correction = self.rule.bias(t, beta1, beta2)
        return m, u, w, self.J.grad(t, w, lam), eta, beta1, beta2, *correction, *others

    def step(self, t: int, s: Array, lam: Blocks) -> Array:
        m, u, w, g, eta, *constants, decay = self.law(t, s, lam)
        w = laws.decay_step(w, eta, decay)
        return np.concatenate(laws.adam_step(m, u, w, g, eta, *constants))

    def jvp(self, t: int, s: Array, lam: Blocks, ds: Array, dlam: Blocks) -> Array:
        m, u, w, g, eta, *constants, decay = self.law(t, s, lam)
        dm, du, dw = self.split(ds)
        deta, dbeta1, dbeta2, *deps, ddecay = self.tangents_at(t, lam, dlam)
        dc = self.rule.bias_jvp(t, *constants[:2], dbeta1, dbeta2)
        dg = self.J.grad_jvp(t, w, lam, dw, dlam)
        dw = laws.decay_jvp(w[:, None], eta, decay, dw, deta, ddecay)
        point = (m[:, None], u[:, None], g[:, None], eta, *constants)
        tangent = (dm, du, dw, dg, deta, dbeta1, dbeta2, *dc, *deps)
        return np.concatenate(laws.adam_jvp(*point, *tangent))

    def vjp(self, t: int, s: Array, lam: Blocks, alpha: Array) -> tuple[Array, Blocks]:
        m, u, w, g, eta, *constants, decay = self.law(t, s, lam)
        b_m, b_u, b_w, b_g, b_eta, b_beta1, b_beta2, b_c1, b_c2, *b_eps = laws.adam_vjp(
            m, u, g, eta, *constants, *self.split(alpha)
        )
        b_w, via_eta, b_decay = laws.decay_vjp(w, eta, decay, b_w)
        via1, via2 = self.rule.bias_vjp(t, *constants[:2], np.sum(b_c1), np.sum(b_c2))
        uH, uM = self.J.grad_vjp(t, w, lam, b_g)
        shares = self.cotangents_at(
            t, lam, b_eta + via_eta, np.sum(b_beta1) + via1, np.sum(b_beta2) + via2, *b_eps, b_decay
        )
        return np.concatenate([b_m, b_u, b_w + uH]), {**uM, **shares}
