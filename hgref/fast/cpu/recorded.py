"""A training run and the way back over it, stretch by stretch; shared by the reverse modes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array
from hgref.fast.cpu import blas
from hgref.fast.cpu.at_lam import Shares, gathered, lower_lam
from hgref.fast.cpu.lowering import lowered, two_headed, weighted
from hgref.fast.cpu.recursion import back, compiled_back, compiled_run, run
from hgref.fast.cpu.scratch import all_weights, kept_rows, workspaces
from hgref.fast.cpu.shapes import STORED, Panel, stretch
from hgref.layout import Blocks
from hgref.problem import Hypergradient, Problem


class Stretch(NamedTuple):
    """Steps first … last: the state before them, and their part of the tape."""

    first: int
    last: int
    s: Array
    tape: Array
    kept: tuple[Array, ...]


class Recorded:
    """A run at a point λ, and the way back over it.

    problem, at    the problem, and its run at λ in the readable layer
    dtype          of the products with data; the rest is float64
    recompute      True: predictions are computed again on the way back; False: kept; None: kept
                   if those of `steps` take at most 1 GiB
    steps          the number of steps on the tape at one time
    """

    def __init__(self, problem: Problem, lam: Any, dtype: Any, recompute: bool | None, steps: int):
        self.problem, self.at = problem, problem.at(lam)
        self.low = lowered(problem, dtype)
        self.opt, self.lam = lower_lam(self.low, self.at.lam)
        once = kept_rows(self.low, 1)
        small = steps * sum(kept.nbytes for kept in once) <= STORED
        self.known = small if recompute is None else not recompute
        self.tape = np.empty((steps, problem.p), self.low.dtype)
        self.kept = kept_rows(self.low, steps) if self.known else once
        self.ahead = workspaces(self.low, Panel(1, 0, 1))
        self.behind = workspaces(self.low, Panel(0 if self.known else 1, 1, 0))
        self.weights = all_weights(self.low, self.ahead), all_weights(self.low, self.behind)
        self.none, self.one = columns_of(0, problem.p), columns_of(1, problem.p)
        self.run: Any = compiled_run if self.low.small else run
        self.back: Any = compiled_back if self.low.small else back
        self.length = stretch(problem.T, problem.d)
        self.states = np.empty((min(self.length, steps), problem.d // problem.p, problem.p))

    def start(self) -> Array:
        """s_0 (blocks, p)."""
        return np.array(self.at.start(), float).reshape(-1, self.problem.p)

    # --- forwards ---

    def stretches(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        for a in range(first, last + 1, self.length):
            yield a, min(a + self.length - 1, last)

    def forget(self, s: Array, first: int, last: int) -> None:
        """s ← s_last from s_{first-1}, keeping nothing."""
        for a, b in self.stretches(first, last):
            self.advance(s, a, b, self.tape[:1], tuple(kept[:1] for kept in self.kept))

    def record(self, s: Array, first: int, last: int) -> list[Stretch]:
        """s ← s_last from s_{first-1}, filling the tape from its beginning."""
        made = []
        for a, b in self.stretches(first, last):
            rows = slice(a - first, b - first + 1)
            kept = tuple(kept[rows] for kept in self.kept) if self.known else self.kept
            made.append(Stretch(a, b, s.copy(), self.tape[rows], kept))
            self.advance(s, a, b, self.tape[rows], kept)
        return made

    def advance(self, s: Array, a: int, b: int, tape: Array, kept: tuple[Array, ...]) -> None:
        about = self.low.J, self.lam, self.opt, self.ahead, self.weights[0]
        t = self.run(*about, s, a, b, tape, kept, *self.none)
        if t:
            self.at.require_state("the training run", t, s.reshape(-1))

    # --- backwards ---

    def end(self, s: Array, made: list[Stretch]) -> None:
        """f, α_T = ∇E(s_T) (9), then back over the stretches that end in s_T."""
        T = self.problem.T
        self.s_T = s.reshape(-1).copy()
        self.f = self.at.error(T, self.s_T)
        row, self.direct = self.at.error_grad(T, self.s_T)
        self.alpha = np.array(row, float).reshape(s.shape)
        self.b_rates = np.zeros((len(self.weights[1].fine), *self.opt.rates.shape))
        of_each = list(zip(self.lam.factors, self.low.losses, strict=True))
        self.b_weights = tuple(np.zeros(len(c.examples) * weighted(loss)) for c, loss in of_each)
        self.b_heads = tuple(np.zeros(len(c.outputs) * two_headed(loss)) for c, loss in of_each)
        self.b_relations = np.zeros((self.low.J.coupling.tasks + 1, self.low.J.coupling.tasks))
        self.b_l2 = np.zeros(self.lam.l2.shape)
        self.go_back(made)

    def go_back(self, made: list[Stretch]) -> None:
        """α ← α_{first-1} by (8); add the terms of (10) to the sums."""
        for first, last, s, tape, kept in reversed(made):
            t = self.back(
                self.low.J, self.lam, self.opt, self.behind, self.weights[1],
                s, first, last, tape, kept, self.known, self.states, *self.one,
                self.alpha, self.b_rates,
                self.b_weights, self.b_heads, self.b_relations, self.b_l2,
            )  # fmt: skip
            if t:
                self.at.require_state("alpha, going backwards,", t - 1, self.alpha.reshape(-1))
        self.reached = made[0].first

    def hypergradient(self) -> Hypergradient:
        """∇f(λ) from the sums."""
        of_losses = self.b_weights, self.b_heads
        sums = Shares(self.b_rates.sum(axis=0), *of_losses, self.b_relations, self.b_l2)
        layout = self.at.layout
        grad = gathered(self.low, layout, self.others(), sums)
        self.at.require_finite("∇f", 0, grad)
        return Hypergradient(self.f, layout.flatten(grad), self.s_T, layout)

    def others(self) -> Iterator[Blocks]:
        """∂E/∂λ, and the part of the gradient that passes through s_0."""
        yield self.direct
        if self.reached == 1:
            yield self.at.start_vjp(self.alpha.reshape(-1))


def columns_of(k: int, p: int) -> tuple[Array, Array]:
    """Scratch for k columns u and their products."""
    return np.zeros((k, p)), np.zeros((k, p))


@blas.alone
def last_state(problem: Problem, lam: Any, *, dtype: Any = np.float64) -> Array:
    """s_T (d,): the last of `problem.states`, fast; no other state is kept.

    lam, dtype, Raises   see hgref.fast.cpu.reverse
    Cost     T steps; memory O(d)
    Exact    equal to the last of problem.states to 1e-11
    Source   Franceschi et al. 2017, section 2

    Example
        >>> from hgref.fast import cpu
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> cpu.last_state(problem, [0.1]).round(3)
        array([0.651, 0.   ])
    """
    recorded = Recorded(problem, lam, dtype, True, 1)
    s = recorded.start()
    recorded.forget(s, 1, problem.T)
    return s.reshape(-1)
