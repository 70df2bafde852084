"""One step of λ down a hypergradient: what `minimize` and `realtime` move λ by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from hgref import laws
from hgref.arguments import Array, as_array


class Descent(Protocol):
    """A rule that moves a flat λ along its gradient; what it remembers is an array."""

    def start(self, lam: Array) -> Array:
        """The memory before the first step."""

    def update(self, k: int, lam: Array, grad: Array, memory: Array) -> tuple[Array, Array]:
        """(λ_k, memory) from λ_{k-1} and the gradient there, k = 1, 2, …; no projection yet."""


@dataclass(frozen=True)
class GradientDescent:
    """λ_k = λ_{k-1} − rate · ∇f(λ_{k-1}).

    rate     step size on λ, above 0
    returns  see `update`
    Cost     O(m)
    Source   the textbook's
    """

    rate: float = 0.01

    def __post_init__(self) -> None:
        require_rate(self.rate)

    def start(self, lam: Array) -> Array:
        """Nothing to remember."""
        return np.zeros((0, lam.size))

    def update(self, k: int, lam: Array, grad: Array, memory: Array) -> tuple[Array, Array]:
        """(λ_k, memory)."""
        return laws.gd_step(lam, grad, self.rate), memory


@dataclass(frozen=True)
class Adam:
    """λ_k from λ_{k-1} by a step of Adam along ∇f, in torch's convention.

    rate     step size on λ, above 0; the paper's authors used 0.005 and 0.01
    returns  see `update`
    Cost     O(m)
    Beware   Adam divides by the gradient's running size: in the first steps every coordinate of λ
             moves by `rate`, however small its hypergradient
    Source   Franceschi et al. 2017, section 5.1 ("projecting Adam updates on the set Λ")
    """

    rate: float = 0.005
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        require_rate(self.rate)

    def start(self, lam: Array) -> Array:
        """The two running means, at zero."""
        return np.zeros((2, lam.size))

    def update(self, k: int, lam: Array, grad: Array, memory: Array) -> tuple[Array, Array]:
        """(λ_k, memory)."""
        c = laws.adam_bias_split(k, self.beta1, self.beta2)
        rates = (self.rate, self.beta1, self.beta2, *c, self.eps, 0.0)
        m, u, lam = laws.adam_step(memory[0], memory[1], lam, grad, *rates)
        return lam, np.stack([m, u])


def require_rate(rate: Any) -> None:
    if not as_array("rate", rate, ()) > 0:
        raise ValueError(f"rate: expected a number > 0, found {rate}")


def anywhere(lam: Array) -> Array:
    """The projection onto all of R^m: Λ when no constraint is given."""
    return lam
