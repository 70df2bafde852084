"""One step of λ down a hypergradient: what `minimize` and `realtime` move λ by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from hgref import laws
from hgref.arguments import Array, as_array, require_at_least, require_below
from hgref.layout import Layout
from hgref.problem import Problem


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
    beta1    in [0, 1): how much of its mean of gradients stays; beta2: of that of their squares
    eps      added to the root of the second mean
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
        for name in ("beta1", "beta2"):
            require_at_least(name, as_array(name, getattr(self, name), ()), 0)
            require_below(name, as_array(name, getattr(self, name), ()), 1)

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


def require_descent(outer: Any) -> None:
    """Raise TypeError unless `outer` can move a λ."""
    made = not isinstance(outer, type) and hasattr(outer, "start") and hasattr(outer, "update")
    if not made:
        raise TypeError(f"outer: expected a step such as outer.Adam(0.005), found {outer!r}")


def projected(problem: Problem, layout: Layout, project: Any, lam: Array) -> Array:
    """P_Λ(λ), which knows its blocks, is read-only, and is inside of the problem's domain."""
    inside = as_array("project(lam)", project(layout.point(lam)), (layout.size,))
    point = layout.point(inside.copy())
    point.flags.writeable = False
    problem.point(point)
    return point


def anywhere(lam: Array) -> Array:
    """The projection onto all of R^m: Λ when no constraint is given."""
    return lam


class Path:
    """What a path λ_0 … λ_K, with f along it, is asked for."""

    lam: Array
    f: Array
    layout: Layout

    @property
    def last(self) -> Array:
        """λ_K."""
        return self.layout.point(self.lam[-1])

    @property
    def best(self) -> Array:
        """The point of the path with the smallest f."""
        return self.layout.point(self.lam[int(np.argmin(self.f))])
