"""A training run in stretches of steps, each of them linearised as one map.

    s_b = Φ_b ∘ … ∘ Φ_a (s_{a-1}),   A_b … A_a,   Σ_t A_b … A_{t+1} B_t

So the algorithms of the readable layer run on them as they are: REVERSE-HG goes back stretch by
stretch. Of a large problem a stretch is one step; of a small one it is many, in one compiled call.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.dynamics.coordinatewise import Coordinatewise
from hgref.fast.cpu import heads
from hgref.fast.cpu.dynamics import Large
from hgref.fast.cpu.linear import Dense, Linear, Sparse
from hgref.fast.cpu.network import Network
from hgref.fast.cpu.small import Small, is_small
from hgref.hypergradient.tape import fits
from hgref.layout import Blocks
from hgref.objectives import MLP, LeastSquares, LinearModel, Logistic, MultiTask, Softmax
from hgref.objectives.objective import Objective, Sum
from hgref.problem import Problem
from hgref.run import Diverged, Run

LINEAR = (LinearModel, LeastSquares, Logistic, Softmax)
NETWORKS = (MLP, MultiTask)


class Fast:
    """A problem with compiled dynamics and passes over its data.

    k   number of tangent columns that it will carry
    """

    def __init__(self, problem: Problem, dtype: Any, k: int = 1):
        real = real_of(dtype)
        require_fast(problem)
        terms = [fast_term(part, real) for part in terms_of(problem.dynamics.J)]
        dynamics: Any = copy.copy(problem.dynamics)
        self.problem = copy.copy(problem)
        self.problem.dynamics, dynamics.J = dynamics, Sum(*terms)
        self.steps: Small | Large
        if small := is_small(terms, k):
            self.steps = Small(dynamics, terms, problem.p)
        else:
            self.steps = Large(dynamics, terms)
        self.length = self.steps.length
        self.E = [part if small else fast_term(part, real) for part in terms_of(problem.E)]

    def ends(self, *marks: int) -> list[int]:
        """The last steps of stretches that also end at each of the marks."""
        found, first = [], 0
        for mark in marks:
            found += [*range(first + self.length, mark, self.length)] + [mark] * (mark > first)
            first = max(first, mark)
        return found

    def run(self, run: Run, *marks: int) -> Stretches:
        """The run at its λ, in stretches that also end at the marks."""
        return Stretches(self, run, self.ends(*marks))

    def whole(self, steps: int, recompute: bool | None) -> bool:
        """Whether so many steps are kept linearised; see hgref.hypergradient.tape."""
        return fits(self.problem, steps) if recompute is None else not recompute


class Stretches(Run):
    """A run whose step number j goes from ends[j-2] + 1 to ends[j-1]."""

    def __init__(self, fast: Fast, run: Run, ends: list[int]):
        require_real(run.lam)
        super().__init__(fast.problem, run.lam, run.layout)
        self.steps, self.T, self.ends = fast.steps, len(ends), ends
        self.terms_of_E = fast.E
        self.last: Array | None = None  # the state at which E was evaluated last

    def span(self, j: int) -> tuple[int, int]:
        return (self.ends[j - 2] if j > 1 else 0) + 1, self.ends[j - 1]

    def number(self, t: int) -> int:
        return self.ends[t - 1]

    def at(self, t: int, s: Array) -> Any:
        return self.steps.at(self, *self.span(t), s)

    def step(self, t: int, s: Array) -> Array:
        return self.steps.at(self, *self.span(t), s).run(1)

    def jvp(self, t: int, step: Any, Z: Array, dlam: Blocks) -> Array:
        return step.jvp(Z, dlam)

    def vjp(self, t: int, step: Any, alpha: Array) -> tuple[Array, Blocks]:
        return step.vjp(alpha)

    def error(self, t: int, s: Array) -> Any:
        value = sum(value for value, _ in self.evaluated(t, s))
        if not np.isfinite(value):
            raise Diverged("the validation error", self.number(t), "E", 0)
        return value

    def error_grad(self, t: int, s: Array) -> tuple[Array, Blocks]:
        found, number, w = self.evaluated(t, s), self.number(t), self.dynamics.weights(s)
        row = np.zeros(len(s))
        with np.errstate(all="ignore"):
            for part, (_, g) in zip(self.terms_of_E, found, strict=True):
                g = part.grad(number, w, self.lam) if g is None else g
                self.dynamics.weights(row)[:] += np.atleast_2d(g).sum(axis=0)
            direct = self.E.grad_lam(number, w, self.lam)
        self.require_finite("∇E", number, {"w": self.dynamics.weights(row), **direct})
        return row, direct

    def evaluated(self, t: int, s: Array) -> list[tuple[Any, Array | None]]:
        """(value, gradient) of each term of E, which a fast one computes together; else None."""
        if s is not self.last:
            number, w, self.last = self.number(t), self.dynamics.weights(s), s
            with np.errstate(all="ignore"):
                self.found: list[tuple[Any, Array | None]] = [
                    part.both(number, w, self.lam)
                    if isinstance(part, Linear | Network)
                    else (part.value(number, w, self.lam), None)
                    for part in self.terms_of_E
                ]
        return self.found


def real_of(dtype: Any) -> np.dtype:
    """The number type of the products with the data."""
    real = np.dtype(dtype)
    if real not in (np.float64, np.float32):
        raise ValueError(f"dtype: expected float64 or float32, found {real}")
    return real


def fast_term(part: Any, real: np.dtype) -> Objective:
    """A term of J, fast if it is a data loss of hgref itself; others stay as they are."""
    if type(part) in LINEAR and type(part.loss) in heads.HEADS:
        return Sparse(part, real) if part.features.sparse else Dense(part, real)
    if type(part) in NETWORKS and not part.features.sparse:
        return Network(part, real)
    return part


def terms_of(J: Objective) -> list[Objective]:
    """The terms of a sum; anything else, also what surrounds a sum, is one term."""
    return list(J.terms()) if type(J) is Sum else [J]


def require_fast(problem: Problem) -> None:
    """Raise TypeError for a dynamics without a law of its own, and for complex numbers."""
    dynamics, own = problem.dynamics, ("at", "rates_at", "rates_jvp", "rates_vjp")  # replaced
    if not isinstance(dynamics, Coordinatewise) or any(
        getattr(type(dynamics), name) is not getattr(Coordinatewise, name) for name in own
    ):
        raise TypeError(
            f"dynamics: expected one with a law (hgref.Coordinatewise), found "
            f"{type(dynamics).__name__}; use the same function of hgref itself"
        )
    if dynamics.of_weights:
        raise TypeError(
            "over: expected numbers or schedules; for numbers of weights and blocks use the same "
            "function of hgref itself"
        )
    if problem.transform is not None:
        raise TypeError("transform: expected none; use the same function of hgref itself")
    if problem.s0 is not None or problem.t0 > 1:
        raise TypeError("s0, t0: expected none; use the same function of hgref itself")
    require_real({"w0": problem.w0})
    for part in (*dynamics.J.terms(), *problem.E.terms()):
        require_real({**vars(part), **vars(getattr(part, "features", part))})


def require_real(arrays: dict[str, Any]) -> None:
    """Raise TypeError for an array, dense or sparse, of other numbers than floats and integers."""
    for name, array in arrays.items():
        if getattr(getattr(array, "dtype", None), "kind", "f") in "cO":
            raise TypeError(
                f"{name}: expected real numbers, found {array.dtype}; use the same function of "
                f"hgref itself"
            )
