"""A hypergradient computation in which every decision can be changed: what a mistake is made of."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.dynamics.dynamics import Dynamics
from hgref.layout import Blocks, Layout
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.objective import Objective, Sum
from hgref.problem import Problem


@dataclass(frozen=True)
class Plan:
    """How a hypergradient is computed; as it stands, Algorithm 1.

    problem  what is trained, at the point lam; layout tells the blocks that are asked for
    adjoint  whose vjp goes backwards; None: the problem's own
    shift    vjp of step t is taken at s_{t-1+shift}
    late     B_t meets α_{t-1} in place of α_t
    every_K  one answer for each truncation to the last K < T steps
    direct   ∂E/∂λ is added
    alter    functions of (problem, α) applied after each vjp
    answer   functions of the blocks applied at the end
    """

    problem: Problem
    lam: Blocks
    layout: Layout
    adjoint: Problem | None = None
    shift: int = 0
    late: bool = False
    every_K: bool = False
    direct: bool = True
    alter: tuple[Callable[[Problem, Array], Array], ...] = ()
    answer: tuple[Callable[[Blocks], Blocks], ...] = ()

    def changed(self, **fields: Any) -> Plan:
        return replace(self, **fields)

    def answering(self, function: Callable[[Blocks], Blocks]) -> Plan:
        return replace(self, answer=(*self.answer, function))

    @property
    def J(self) -> Objective:
        return self.problem.dynamics.J

    @property
    def dynamics(self) -> Dynamics:
        return self.problem.dynamics


def gradients(plan: Plan) -> Iterator[tuple[str, Blocks]]:
    """(which truncation or "", blocks) of a plan: one, or T − 1 where every K is asked for."""
    problem, lam, T = plan.problem, plan.lam, plan.problem.T
    adjoint = plan.adjoint or problem
    states = list(problem.states(lam))
    alpha, direct = problem.error_grad(T, states[T], lam)
    total = plan.layout.zeros(like=alpha)
    add(total, direct if plan.direct else {})
    for t in range(T, 0, -1):
        s = states[min(t - 1 + plan.shift, T)]
        back, share = adjoint.dynamics.vjp(t, s, lam, alpha)
        for function in plan.alter:
            back = function(problem, back)
        if plan.late:
            share = adjoint.dynamics.vjp(t, s, lam, back)[1]
        alpha = back
        add(total, share)
        if plan.every_K and t > 1:
            yield f"K = {T - t + 1}", answered(plan, total)
    if not plan.every_K:
        add(total, problem.start_vjp(alpha))
        yield "", answered(plan, total)


def add(total: Blocks, share: Blocks) -> None:
    for name, block in share.items():
        if name in total:
            total[name] += block


def answered(plan: Plan, blocks: Blocks) -> Blocks:
    blocks = {name: block.copy() for name, block in blocks.items()}
    for function in plan.answer:
        blocks = function(blocks)
    return blocks


# --- problems with one part exchanged; the rest, the layout included, stays ---


def altered(dynamics: Dynamics, kind: type[Dynamics] | None = None, **attributes: Any) -> Any:
    """A copy of a dynamics with other attributes, or of another kind."""
    other = copy.copy(dynamics)
    other.__class__ = kind or type(dynamics)
    other.__dict__.update(attributes)
    return other


def with_dynamics(problem: Problem, dynamics: Dynamics) -> Problem:
    other = copy.copy(problem)
    other.dynamics = dynamics
    return other


def with_J(problem: Problem, J: Objective) -> Problem:
    dynamics = copy.copy(problem.dynamics)
    dynamics.J = J
    return with_dynamics(problem, dynamics)


def with_E(problem: Problem, E: Objective) -> Problem:
    other = copy.copy(problem)
    other.E = E
    return other


def each_term(J: Objective, change: Callable[[Objective], Objective]) -> Objective:
    """The sum of the changed terms."""
    terms = [change(term) for term in J.terms()]
    return terms[0] if len(terms) == 1 else Sum(*terms)


class Scaled(Objective):
    """c · J."""

    def __init__(self, J: Objective, c: float):
        self.exact, self.c, self.p = J, c, J.p

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        return self.c * self.exact.value(t, w, lam)

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        return self.c * self.exact.grad(t, w, lam)

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        return self.exact.grad_vjp(t, w, lam, self.c * u)

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        return {n: self.c * b for n, b in self.exact.grad_lam(t, w, lam).items()}


def has_batches(term: Objective) -> bool:
    return isinstance(term, DataLoss) and term.features.batches is not None


def depends_on_t(plan: Plan) -> bool:
    """Whether a schedule or a table of mini-batches ties the run to its T steps."""
    return bool(scheduled(plan)) or any(map(has_batches, plan.J.terms()))


def scheduled(plan: Plan) -> list[str]:
    """Names of the hyperparameters that are schedules of more than one step."""
    names = plan.dynamics.names
    return [n for n in names if plan.lam[n].ndim and np.size(plan.lam[n]) > 1]
