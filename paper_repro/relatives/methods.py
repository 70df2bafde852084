"""The methods that are compared, with their options."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import hgref
from hgref import Hypergradient, Problem

SOLVERS = ("cg", "neumann", "fixed_point")


class Method(NamedTuple):
    """One method to compute a hypergradient.

    name    the full name, as in the table
    family  forward, reverse, checkpointed, reversible, truncated or implicit
    label   the option that distinguishes it within its family
    run     a function of (problem, λ)
    exact   whether it computes ∇f of T steps exactly
    slots   how many states it may keep, if that is an option
    """

    name: str
    family: str
    label: str
    run: Callable[[Problem, Any], Hypergradient]
    exact: bool = True
    slots: int | None = None


def methods(slots: Iterable[int], truncations: Iterable[int], tol: float) -> list[Method]:
    """All methods, the exact ones first.

    slots        numbers of states for `checkpointed`
    truncations  numbers K of steps for `truncated`
    tol          of the linear systems that `implicit` solves
    """
    return [
        Method("forward", "forward", "", hgref.forward),
        Method("reverse", "reverse", "", hgref.reverse),
        Method("checkpointed, every √T", "checkpointed", "√T", hgref.checkpointed),
        *(in_slots(s) for s in slots),
        Method("reversible", "reversible", "", hgref.reversible),
        *(cut_short(K) for K in truncations),
        *(in_the_limit(solver, tol) for solver in SOLVERS),
    ]


def in_slots(s: int) -> Method:
    run = partial(hgref.checkpointed, slots=s)
    return Method(f"checkpointed, slots = {s}", "checkpointed", str(s), run, slots=s)


def cut_short(K: int) -> Method:
    run = partial(hgref.truncated, K=K)
    return Method(f"truncated, K = {K}", "truncated", str(K), run, exact=False)


def in_the_limit(solver: str, tol: float) -> Method:
    run = partial(hgref.implicit, solver=solver, tol=tol)
    return Method(f"implicit, {solver}", "implicit", solver, run, exact=False)
