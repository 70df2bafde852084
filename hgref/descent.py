"""Update rules for λ, given a hypergradient: used by `minimize` and `realtime`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from hgref import laws
from hgref.arguments import Array, as_array, require_at_least, require_below
from hgref.layout import Layout, alike
from hgref.problem import Problem
from hgref.run import Run


class Descent(Protocol):
    """A rule that updates a flat λ from its gradient, and keeps its state in one array."""

    def start(self, lam: Array) -> Array:
        """The state before the first step."""

    def update(self, k: int, lam: Array, grad: Array, memory: Array) -> tuple[Array, Array]:
        """(λ_k, new state) from λ_{k-1} and the gradient there, k = 1, 2, …, before projection."""


@dataclass(frozen=True)
class GradientDescent:
    """λ_k = λ_{k-1} − rate · ∇f(λ_{k-1}).

    rate     step size on λ, above 0
    returns  a rule for `minimize` and `realtime`, with the methods `start` and `update`
    Raises   ValueError if rate <= 0
    Cost     O(m) a step
    Source   gradient descent

    Example
        >>> rule, lam = hgref.outer.GradientDescent(rate=0.5), np.array([1.0, 2.0])
        >>> lam, _ = rule.update(1, lam, np.array([2.0, -2.0]), rule.start(lam))
        >>> lam.tolist()
        [0.0, 3.0]
    """

    rate: float = 0.01

    def __post_init__(self) -> None:
        require_rate(self.rate)

    def start(self, lam: Array) -> Array:
        """An empty array: gradient descent has no state."""
        return np.zeros((0, lam.size))

    def update(self, k: int, lam: Array, grad: Array, memory: Array) -> tuple[Array, Array]:
        """(λ_k, memory)."""
        return laws.gd_step(lam, grad, self.rate), memory


@dataclass(frozen=True)
class Adam:
    """A step of Adam on λ along ∇f(λ_{k-1}), in the convention of torch.optim.

    rate     step size on λ, above 0; the authors of the paper used 0.005 and 0.01
    beta1    decay of the running mean of gradients, in [0, 1)
    beta2    decay of the running mean of squared gradients, in [0, 1)
    eps      added to the square root of the second mean
    returns  a rule for `minimize` and `realtime`, with the methods `start` and `update`
    Raises   ValueError if rate <= 0, eps < 0, or beta1 or beta2 is outside [0, 1)
    Cost     O(m) a step
    Beware   Adam divides by a running mean of the gradient's size: in the first steps every
             coordinate of λ moves by about `rate`, however small its hypergradient is
    Source   Franceschi et al. 2017, section 5.1 ("projecting Adam updates on the set Λ")

    Example
        >>> rule, lam = hgref.outer.Adam(rate=0.1), np.array([1.0, 2.0])
        >>> lam, _ = rule.update(1, lam, np.array([3.0, -1e-4]), rule.start(lam))
        >>> lam.round(3).tolist()
        [0.9, 2.1]
    """

    rate: float = 0.005
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        require_rate(self.rate)
        require_at_least("eps", as_array("eps", self.eps, ()), 0)
        for name in ("beta1", "beta2"):
            require_at_least(name, as_array(name, getattr(self, name), ()), 0)
            require_below(name, as_array(name, getattr(self, name), ()), 1)

    def start(self, lam: Array) -> Array:
        """The two running means, at zero."""
        return np.zeros((2, lam.size))

    def update(self, k: int, lam: Array, grad: Array, memory: Array) -> tuple[Array, Array]:
        """(λ_k, memory)."""
        c = laws.adam_bias_split(k, self.beta1, self.beta2)
        rates = (self.rate, self.beta1, self.beta2, *c, self.eps, 0.0, 0.0)
        m, u, lam = laws.adam_step(memory[0], memory[1], lam, grad, *rates)
        return lam, np.stack([m, u])


def require_rate(rate: Any) -> None:
    if not as_array("rate", rate, ()) > 0:
        raise ValueError(f"rate: expected a number > 0, found {rate}")


def require_descent(outer: Any) -> None:
    """Raise TypeError unless `outer` has the methods of a Descent."""
    made = not isinstance(outer, type) and hasattr(outer, "start") and hasattr(outer, "update")
    if not made:
        raise TypeError(f"outer: expected a step such as outer.Adam(0.005), found {outer!r}")


def projected(problem: Problem, project: Any, point: Array) -> Run:
    """The run at P_Λ(λ), for a λ (m,) that knows its blocks; it is in the problem's domain."""
    inside = as_array("project(lam)", project(point), point.shape)
    return problem.at(alike(inside, point))


def anywhere(lam: Array) -> Array:
    """The projection onto Λ = R^m, used if no constraint is given."""
    return lam


class Path:
    """A path λ_0 … λ_K with the values of f along it: its last and its best point."""

    lam: Array
    f: Array
    layout: Layout

    @property
    def last(self) -> Array:
        """λ_K."""
        return self.layout.point(self.lam[-1])

    @property
    def best(self) -> Array:
        """The λ of the path with the smallest f."""
        return self.layout.point(self.lam[int(np.argmin(self.f))])
