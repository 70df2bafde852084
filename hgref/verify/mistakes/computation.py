"""A hypergradient computation that exposes every decision, so that a mistake can change it."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.at import At
from hgref.dynamics.dynamics import Dynamics
from hgref.hypergradient.reverse import add
from hgref.layout import Blocks
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.objective import Objective, Shapes, Sum
from hgref.run import Run


@dataclass(frozen=True)
class Computation:
    """How a hypergradient is computed; unchanged, it is Algorithm 1.

    run      the training run, at its λ
    adjoint  the run whose steps are linearised in the backward pass; None: `run`
    shift    step t is linearised at s_{t-1+shift}
    late     B_t is multiplied by α_{t-1} in place of α_t
    every_K  one answer for each truncation to the last K steps, K < T
    direct   ∂E/∂λ is added
    alter    functions of α applied after each vjp
    answer   functions of the blocks applied at the end
    """

    run: Run
    adjoint: Run | None = None
    shift: int = 0
    late: bool = False
    every_K: bool = False
    direct: bool = True
    alter: tuple[Callable[[Array], Array], ...] = ()
    answer: tuple[Callable[[Blocks], Blocks], ...] = ()

    def changed(self, **fields: Any) -> Computation:
        return replace(self, **fields)

    def training(self, lam: Blocks | None = None, **parts: Any) -> Computation:
        """The computation with another λ in the run, or another dynamics, E or T."""
        adjoint = self.adjoint
        if adjoint is not None and lam is not None:
            adjoint = other_run(adjoint, lam)
        return self.changed(run=other_run(self.run, lam, **parts), adjoint=adjoint)

    def training_on(self, J: Objective) -> Computation:
        return self.training(dynamics=altered(self.dynamics, J=J))

    def differentiating(self, lam: Blocks | None = None, **parts: Any) -> Computation:
        """The computation with another λ, or other parts, in the backward pass alone."""
        return self.changed(adjoint=other_run(self.adjoint or self.run, lam, **parts))

    def differentiating_on(self, J: Objective) -> Computation:
        dynamics = (self.adjoint or self.run).dynamics
        return self.differentiating(dynamics=altered(dynamics, J=J))

    def answering(self, function: Callable[[Blocks], Blocks]) -> Computation:
        return replace(self, answer=(*self.answer, function))

    @property
    def J(self) -> Objective:
        return self.run.dynamics.J

    @property
    def dynamics(self) -> Any:
        return self.run.dynamics

    @property
    def lam(self) -> Blocks:
        return self.run.lam


def gradients(computation: Computation) -> Iterator[tuple[str, Blocks]]:
    """Yield (truncation or "", blocks): once, or T − 1 times if `every_K`."""
    for K, blocks in unanswered(replace(computation, answer=())):
        yield K, answered(computation, blocks)


@functools.lru_cache(maxsize=4)
def unanswered(computation: Computation) -> list[tuple[str, Blocks]]:
    """Before the functions of `answer`: many mistakes differ in these alone."""
    return list(until_error(passed(computation)))


def passed(computation: Computation) -> Iterator[tuple[str, Blocks]]:
    """One pass forwards and back."""
    run, T = computation.run, computation.run.T
    adjoint = computation.adjoint or run
    states = list(run.states())
    alpha, direct = run.error_grad(T, states[T])
    total = run.layout.zeros(like=alpha)
    add(total, known(run, direct) if computation.direct else {})
    for t in range(T, 0, -1):
        s = states[min(t - 1 + computation.shift, T)]
        step = adjoint.dynamics.at(adjoint.before + t, s, adjoint.lam)
        back, share = step.vjp(alpha)
        for function in computation.alter:
            back = function(back)
        if computation.late:
            share = step.vjp(back)[1]
        alpha = back
        add(total, known(run, share))
        if computation.every_K and t > 1:
            yield f"K = {T - t + 1}", {name: block.copy() for name, block in total.items()}
    if not computation.every_K:
        add(total, run.start_vjp(alpha))
        yield "", total


def known(run: Run, share: Blocks) -> Blocks:
    """Only the blocks that λ has; another convention may have more."""
    return {name: block for name, block in share.items() if name in run.layout.shapes}


def answered(computation: Computation, blocks: Blocks) -> Blocks:
    blocks = {name: block.copy() for name, block in blocks.items()}
    for function in computation.answer:
        blocks = function(blocks)
    return blocks


def until_error(items: Iterable[Any]) -> Iterator[Any]:
    """The items: a mistake may diverge, or not fit another one, or an author's own functions."""
    items = iter(items)
    while True:
        try:
            with np.errstate(all="ignore"):
                item = next(items)
        except Exception:  # of StopIteration too
            return
        yield item


# --- copies of a run, a dynamics or an objective with one part replaced; the layout stays ---


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
    """The sum of the changed terms."""
    terms = [change(term) for term in J.terms()]
    return terms[0] if len(terms) == 1 else Sum(*terms)


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


def depends_on_t(computation: Computation) -> bool:
    """Whether a schedule or a table of mini-batches fixes the number of steps."""
    return bool(scheduled(computation)) or any(map(has_batches, computation.J.terms()))


def scheduled(computation: Computation) -> list[str]:
    """Names of the hyperparameters that are schedules of more than one step."""
    lam, axes = computation.lam, computation.dynamics.axes
    return [n for n in computation.dynamics.names if "steps" in axes(n, lam[n]) and len(lam[n]) > 1]
