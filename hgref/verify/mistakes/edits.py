"""Copies of a run, a dynamics or an objective with one part replaced; the layout stays."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hgref.arguments import Array
from hgref.at import At
from hgref.dynamics.dynamics import Dynamics
from hgref.layout import Blocks
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.objective import Objective, Shapes, Sum
from hgref.run import Run

Edit = Callable[[Run], Run]


def other_run(run: Run, lam: Blocks | None = None, **parts: Any) -> Run:
    """The run with another λ or other parts of its problem."""
    problem = copy.copy(run.problem)
    problem.__dict__.update(parts)
    return Run(problem, run.lam if lam is None else lam, run.layout)


def altered(dynamics: Dynamics, kind: type[Dynamics] | None = None, **attributes: Any) -> Any:
    """A copy of a dynamics with other attributes, or of another kind."""
    other = copy.copy(dynamics)
    other.__class__ = kind or type(dynamics)
    other.__dict__.update(attributes)
    return other


def each_term(J: Objective, change: Callable[[Objective], Objective]) -> Objective:
    """The sum of the changed terms; an edited term is changed within."""
    terms = [within(term, change) for term in J.terms()]
    return terms[0] if len(terms) == 1 else Sum(*terms)


def within(term: Objective, change: Callable[[Objective], Objective]) -> Objective:
    if not isinstance(term, Edited):
        return change(term)
    term = copy.copy(term)
    term.exact = each_term(term.exact, change)
    return term


def leaves(J: Objective) -> list[Objective]:
    """The terms, without the edits around them."""
    found = []
    for term in J.terms():
        found += leaves(term.exact) if isinstance(term, Edited) else [term]
    return found


def data_losses(J: Objective) -> list[DataLoss]:
    return [term for term in leaves(J) if isinstance(term, DataLoss)]


def with_dynamics(kind: type[Dynamics]) -> Edit:
    """An edit of a run: its dynamics is of another kind."""
    return lambda run: other_run(run, dynamics=altered(run.dynamics, kind))


class Edited(Objective):
    """An objective with a changed gradient and changed products."""

    def __init__(self, exact: Any):
        self.exact, self.p = exact, exact.p

    def hyper(self, p: int) -> Shapes:
        return self.exact.hyper(p)

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        return self.edit(t, w, lam, self.exact.at(t, w, lam))

    def edit(self, t: int, w: Array, lam: Blocks, exact: At) -> At:
        raise NotImplementedError


class Scaled(Edited):
    """c · J."""

    def __init__(self, J: Objective, c: float):
        super().__init__(J)
        self.c = c

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        return self.c * self.exact.value(t, w, lam)

    def edit(self, t: int, w: Array, lam: Blocks, exact: At) -> At:
        jvp = lambda dw, dlam: self.c * exact.jvp(dw, dlam)  # noqa: E731
        return At(self.c * exact.value, jvp, lambda u: exact.vjp(self.c * u))

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        return {n: self.c * b for n, b in self.exact.grad_lam(t, w, lam).items()}


def has_batches(term: Objective) -> bool:
    return isinstance(term, DataLoss) and term.features.batches is not None
