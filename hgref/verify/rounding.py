"""The tolerance of a comparison: how much rounding changes the hypergradient of this run."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.at import At
from hgref.hypergradient.reverse import reversed_run
from hgref.layout import Blocks
from hgref.problem import Hypergradient
from hgref.run import Diverged, Run

RUNS = 4  # with random rounding errors
SAFETY = 10.0  # times the largest deviation: the candidate may sum in another order


def tolerances(run: Run, g: Hypergradient, roundoff: float) -> dict[str, float]:
    """The error ‖g̃ − g‖ that rounding may cause in each block of a right gradient.

        tol = max(10 · max over runs ‖g̃ − g‖,  4 u ‖g‖,  4 u · largest effect / |λ|)

    g̃ is `reverse` with errors of relative size u. The effect of a block is ‖λ ∘ ∇f‖; in any block,
    terms as large as the largest effect may have cancelled. Four runs multiply λ and every state,
    gradient, product and multiplier by 1 + u ξ, ξ random, and add u ξ times the largest entry to
    each entry of a gradient or product, as in sums that cancel. A fifth run rounds them all to
    that precision: weights that stop moving, since η g is below half a unit in the last place,
    are an error that is not random.

    roundoff  u, the unit roundoff of the candidate's type
    returns   name → absolute tolerance on the 2-norm of the block's error; inf if a run in that
              precision diverges
    Cost      five reverses
    Source    discrete stochastic arithmetic (Vignes 1978), in its simplest form
    """
    largest = floors(run, g, roundoff)
    for rounding in [*(Rounding(roundoff, seed) for seed in range(RUNS)), Grid(roundoff)]:
        for name, deviation in deviations(run, g, rounding).items():
            largest[name] = max(largest[name], SAFETY * deviation)
    return largest


def floors(run: Run, g: Hypergradient, roundoff: float) -> dict[str, float]:
    """The error that the last operations alone may cause."""
    effect = max(float(np.linalg.norm(run.lam[n] * b)) for n, b in g.blocks.items())
    sizes = {n: float(np.max(np.abs(block), initial=0.0)) or 1.0 for n, block in run.lam.items()}
    own = {n: float(np.linalg.norm(block)) for n, block in g.blocks.items()}
    return {n: 4 * roundoff * max(own[n], effect / sizes[n]) for n in own}


def deviations(run: Run, g: Hypergradient, rounding: Rounding) -> dict[str, float]:
    """‖g̃ − g‖ of each block, for one run with errors; inf if it diverges."""
    problem = copy.copy(run.problem)
    problem.dynamics = RoundedDynamics(run.dynamics, rounding)  # type: ignore[assignment]
    problem.E = RoundedObjective(run.E, rounding)  # type: ignore[assignment]
    lam = run.layout.split(rounding.entry(run.layout.flatten(run.lam)))
    try:
        rounded = reversed_run(Run(problem, lam, run.layout)).blocks
    except Diverged:
        return dict.fromkeys(g.layout.shapes, np.inf)
    return {name: float(np.linalg.norm(rounded[name] - g[name])) for name in rounded}


class Rounding:
    """Random errors of relative size u; exact zeros stay zero."""

    def __init__(self, roundoff: float, seed: int):
        self.u, self.random = roundoff, np.random.default_rng(seed)

    def entry(self, x: Array) -> Array:
        """x (1 + u ξ): the error of one operation."""
        return x * (1 + self.u * self.random.uniform(-1, 1, np.shape(x)))

    def total(self, x: Array) -> Array:
        """x + u ξ max|x|: the error of a sum in which terms cancel."""
        size = np.max(np.abs(x), initial=0.0)
        return x + self.u * size * self.random.uniform(-1, 1, np.shape(x)) * (np.asarray(x) != 0)

    def blocks(self, blocks: Blocks) -> Blocks:
        return {name: self.total(block) for name, block in blocks.items()}


class Grid(Rounding):
    """Rounds each number to the nearest one of a precision."""

    def __init__(self, roundoff: float):
        self.u = roundoff

    def entry(self, x: Array) -> Array:
        """The nearest number with a mantissa of that length."""
        mantissa, exponent = np.frexp(x)
        return np.ldexp(np.rint(mantissa / self.u) * self.u, exponent)

    def total(self, x: Array) -> Array:
        """A sum, rounded."""
        return self.entry(x)


class RoundedDynamics:
    """A dynamics whose steps and cotangents carry rounding errors; otherwise the same dynamics."""

    def __init__(self, dynamics: Any, rounding: Rounding):
        self.exact, self.rounding = copy.copy(dynamics), rounding
        self.exact.J = RoundedObjective(dynamics.J, rounding)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.exact, name)

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        exact = self.exact.at(t, s, lam)

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            row, share = exact.vjp(alpha)
            return self.rounding.entry(row), self.rounding.blocks(share)

        return At(self.rounding.entry(exact.value), exact.jvp, vjp)

    def step(self, t: int, s: Array, lam: Blocks) -> Array:
        return self.at(t, s, lam).value


class RoundedObjective:
    """An objective whose gradients and products carry rounding errors."""

    def __init__(self, objective: Any, rounding: Rounding):
        self.exact, self.rounding = objective, rounding

    def __getattr__(self, name: str) -> Any:
        return getattr(self.exact, name)

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        exact = self.exact.at(t, w, lam)

        def vjp(u: Array) -> tuple[Array, Blocks]:
            row, share = exact.vjp(u)
            return self.rounding.total(row), self.rounding.blocks(share)

        return At(self.rounding.total(self.rounding.entry(exact.value)), exact.jvp, vjp)

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        return self.at(t, w, lam).value

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        return self.at(t, w, lam).vjp(u)
