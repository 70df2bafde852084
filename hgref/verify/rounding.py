"""How far rounding moves a hypergradient: its run is made again, and every operation errs."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.at import At
from hgref.hypergradient.reverse import reversed_run
from hgref.layout import Blocks
from hgref.problem import Hypergradient
from hgref.run import Run
from hgref.verify.arithmetic import FLOAT64, Arithmetic, Erring, at_random, plain, to_nearest

CHANCE = 1e-5  # that a right gradient is outside of its tolerance, if its errors are normal
RUNS = 6
LARGE = 100_000  # numbers in all states of a run, above which it is not repeated often


def tolerances(run: Run, g: Hypergradient, roundoff: float, runs: int = RUNS) -> dict[str, float]:
    """The error ‖g̃ − g‖ that rounding may cause in each block of a right gradient.

        tolerance = S · max over runs ‖g̃ − g‖ + 4 u ‖g‖

    g̃ is `reverse` in an arithmetic whose operations on states, multipliers and hyperparameters err
    by up to u, at random. Objectives, which may be anybody's code, get arguments with such errors,
    and so do their results. For less than float64 one more run rounds as a processor does: weights
    stop moving where η g is below half a unit in the last place, and numbers overflow.

    roundoff  u, the unit roundoff of the candidate's type
    runs      how many; with fewer the tolerance is wider
    returns   name → absolute tolerance on the 2-norm of the block's error; inf where a run in that
              precision diverges
    Cost      that many reverses; one more below float64
    Exact     an error that is normal, with the deviation of these runs, is above the tolerance with
              probability 1e-5: S = 9 for six runs, 43 for three, 252 for two
    Source    discrete stochastic arithmetic (Vignes 1978)
    """
    arithmetics = [Arithmetic(at_random(roundoff, seed)) for seed in range(runs)]
    if roundoff > FLOAT64:
        arithmetics.append(Arithmetic(to_nearest(roundoff)))
    all_found, times = [erring(run, arithmetic) for arithmetic in arithmetics], safety(runs)
    return {
        name: times * max(apart(found, g, name) for found in all_found) + 4 * roundoff * norm(block)
        for name, block in g.blocks.items()
    }


def is_large(run: Run) -> bool:
    """Whether a run costs so much that it is not repeated often."""
    return run.T * run.problem.d > LARGE


def apart(found: Hypergradient | None, g: Hypergradient, name: str) -> float:
    """‖g̃ − g‖ of one block; inf if the run diverged."""
    return np.inf if found is None else norm(found[name] - g[name])


def safety(runs: int) -> float:
    """S, such that a normal error e exceeds S times the largest of n like it with chance 1e-5.

    The largest of n is below x σ with probability (x √(2/π))ⁿ for small x. So the chance is
    (2/π)^(n/2) E|e/σ|ⁿ / Sⁿ, with E|e/σ|ⁿ ≤ 1 · 3 · 5 … (n or n − 1).
    """
    moment = float(np.prod(np.arange(1, runs + 1, 2)))
    return float(((2 / np.pi) ** (runs / 2) * moment / CHANCE) ** (1 / runs))


def norm(block: Any) -> float:
    """‖block‖, also where its squares would overflow or vanish."""
    block = np.abs(np.asarray(block, dtype=float))
    largest = float(block.max(initial=0.0))
    if not 0 < largest < np.inf:
        return largest
    return largest * float(np.linalg.norm(block / largest))


# --- one run whose operations err ---


def erring(run: Run, arithmetic: Arithmetic) -> Hypergradient | None:
    """REVERSE-HG in this arithmetic; None if it leaves the finite numbers."""
    with np.errstate(all="ignore"):
        try:
            return reversed_run(erring_run(run, arithmetic))
        except (ArithmeticError, ValueError):  # Diverged, or outside of the domain of a function
            return None


def erring_run(run: Run, arithmetic: Arithmetic) -> ErringRun:
    """The same run in this arithmetic."""
    problem = copy.copy(run.problem)
    problem.dynamics = copy.copy(run.dynamics)
    problem.dynamics.J = ErringObjective(run.dynamics.J, arithmetic)  # type: ignore[assignment]
    problem.E = ErringObjective(run.E, arithmetic)  # type: ignore[assignment]
    problem.w0 = arithmetic(problem.w0)
    problem.s0 = None if problem.s0 is None else arithmetic(problem.s0)
    return ErringRun(arithmetic, problem, within(run, arithmetic), run.layout)


class ErringRun(Run):
    """A run whose steps err, also where their code computes with plain numbers."""

    def __init__(self, arithmetic: Arithmetic, *of: Any):
        super().__init__(*of)
        self.arithmetic, error = arithmetic, self.dynamics.products_error
        self.products = Arithmetic(at_random(error, 0)) if error else None

    def at(self, t: int, s: Array) -> At:
        step = super().at(t, s)
        if isinstance(step.value, Erring):
            return step
        erring, inexact = self.arithmetic, self.products
        products = erring if inexact is None else inexact

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            row, share = step.vjp(alpha)
            return erring(products(row)), erring.blocks(products.blocks(share))

        return At(erring(step.value), step.jvp, vjp)


def within(run: Run, arithmetic: Arithmetic) -> Blocks:
    """λ with errors; a block that they would push out of its domain keeps its value."""
    lam = dict(run.theta)
    for name, block in run.theta.items():
        erring = arithmetic(block)
        try:
            for part in (run.dynamics, run.E):
                part.check_blocks(
                    Run(run.problem, {**run.theta, name: plain(erring)}, run.layout).lam
                )
        except ValueError:
            continue
        lam[name] = erring
    return lam


class ErringObjective:
    """An objective whose arguments and results err; its own code computes with plain numbers."""

    def __init__(self, objective: Any, arithmetic: Arithmetic):
        self.exact, self.arithmetic = objective, arithmetic

    def __getattr__(self, name: str) -> Any:
        return getattr(self.exact, name)

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        erring = self.arithmetic
        exact = self.exact.at(t, *self.moved(w, lam))

        def vjp(u: Array) -> tuple[Array, Blocks]:
            row, share = exact.vjp(plain(erring(u)))
            return erring(row), erring.blocks(share)

        return At(erring(exact.value), exact.jvp, vjp)

    def moved(self, w: Array, lam: Blocks) -> tuple[Array, Blocks]:
        """w with another error, and λ, as plain numbers."""
        return plain(self.arithmetic(w)), {name: plain(block) for name, block in lam.items()}

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        return self.arithmetic(self.exact.grad(t, *self.moved(w, lam)))

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        return self.at(t, w, lam).vjp(u)

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        return self.arithmetic.blocks(self.exact.grad_lam(t, *self.moved(w, lam)))
