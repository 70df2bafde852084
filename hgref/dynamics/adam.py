"""Adam, in the conventions of the paper, torch, optax and TensorFlow 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hgref import laws
from hgref.arguments import require_known
from hgref.dynamics.coordinatewise import Coordinatewise, Law, Numbers
from hgref.objectives.objective import Objective


class Convention(NamedTuple):
    """How the bias is corrected (c1, c2 with their derivatives) and where ε stands."""

    bias: Callable[..., Any]
    bias_jvp: Callable[..., Any]
    bias_vjp: Callable[..., Any]
    inside: str | None  # the hyperparameter inside the root
    outside: str | None  # the one outside


FOLDED = (laws.adam_bias_folded, laws.adam_bias_folded_jvp, laws.adam_bias_folded_vjp)
SPLIT = (laws.adam_bias_split, laws.adam_bias_split_jvp, laws.adam_bias_split_vjp)
CONVENTIONS = {
    "paper": Convention(*FOLDED, inside="eps", outside=None),
    "torch": Convention(*SPLIT, inside=None, outside="eps"),
    "optax": Convention(*SPLIT, inside="eps_root", outside="eps"),
    "tf1": Convention(*FOLDED, inside=None, outside="eps"),
}


class Adam(Coordinatewise):
    """m_t = β1 m + (1−β1) g,   u_t = β2 u + (1−β2) g²,   w_t = w − η c1 m_t / (√(c2 u_t + ρ) + ε').

    | convention | c1                    | c2          | inside ρ | outside ε' |
    |------------|-----------------------|-------------|----------|------------|
    | paper      | √(1−β2^t) / (1−β1^t)  | 1           | eps      | 0          |
    | torch      | 1 / (1−β1^t)          | 1 / (1−β2^t)| 0        | eps        |
    | optax      | 1 / (1−β1^t)          | 1 / (1−β2^t)| eps_root | eps        |
    | tf1        | √(1−β2^t) / (1−β1^t)  | 1           | 0        | eps        |

    over     see Dynamics
    names    eta, beta1, beta2, eps, and eps_root for optax; derivatives for all of them
    state    (m, u, w), m_0 = u_0 = 0
    Raises   ValueError if a beta is outside [0, 1) or an epsilon negative
    Cost     that of GradientDescent plus O(p)
    Exact    to rounding, also at g = 0: while m = u = 0, dw/dg is −η c1 (1−β1) / (√ρ + ε') there.
             Where ρ = 0 autodiff libraries return NaN (0 · ∞ in the slope of the root)
    Beware   if ρ = 0 and β2 = 0, the map has a kink at g = 0 when m ≠ 0; a scheduled β enters the
             bias correction as β_t^t, as in torch and optax; `paper` adds eps, not eps², inside
             the root
    Source   Franceschi et al. 2017, section 2, and the authors' public code (paper); the other
             conventions: torch.optim.Adam, optax.adam, TensorFlow 1's AdamOptimizer

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.Adam(J, convention="torch"), J, T=2)
        >>> lam = problem.pack(eta=0.1, beta1=0.9, beta2=0.999, eps=1e-8)
        >>> hgref.reverse(problem, lam)["eta"].round(3).tolist()
        -5.187
    """

    state = ("m", "u", "w")
    law = Law(laws.adam_step, laws.adam_jvp, laws.adam_vjp)
    below_one = ("beta1", "beta2")
    decay: tuple[str, ...] = ()  # the hyperparameter that is AdamW's decay

    def __init__(
        self, J: Objective, convention: str = "paper", over: Mapping[str, Any] | None = None
    ):
        require_known(convention, CONVENTIONS, f"convention of {type(self).__name__}")
        self.convention = convention
        self.rule = CONVENTIONS[convention]
        epsilons = ("eps", "eps_root") if convention == "optax" else ("eps",)
        self.positive = (*epsilons, *self.decay)
        self.names = ("eta", "beta1", "beta2", *self.positive)
        super().__init__(J, over)

    @property
    def rates(self) -> dict[str, str | None]:
        decay = "weight_decay" if "weight_decay" in self.names else None
        epsilons = {"eps": self.rule.outside, "eps_root": self.rule.inside}
        return {"eta": "eta", "beta1": "beta1", "beta2": "beta2", **epsilons, "decay": decay}

    def numbers(self, t: int, rates: Numbers) -> Numbers:
        c1, c2 = self.rule.bias(t, rates["beta1"], rates["beta2"])
        return {**super().numbers(t, rates), "c1": c1, "c2": c2}

    def numbers_jvp(self, t: int, rates: Numbers, drates: Numbers) -> Numbers:
        betas = rates["beta1"], rates["beta2"], drates["beta1"], drates["beta2"]
        dc1, dc2 = self.rule.bias_jvp(t, *betas)
        return {**super().numbers_jvp(t, rates, drates), "c1": dc1, "c2": dc2}

    def numbers_vjp(self, t: int, rates: Numbers, b: Numbers) -> Numbers:
        betas = rates["beta1"], rates["beta2"], b["c1"], b["c2"]
        via1, via2 = self.rule.bias_vjp(t, *betas)
        own = super().numbers_vjp(t, rates, b)
        return {**own, "beta1": b["beta1"] + via1, "beta2": b["beta2"] + via2}
