"""Mistakes of time: schedules, stale rates, the number of steps."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.dynamics.dynamics import Dynamics
from hgref.layout import Blocks
from hgref.problem import Problem
from hgref.verify.mistakes.mistake import Mistake
from hgref.verify.mistakes.plan import (
    Plan,
    scheduled,
    with_dynamics,
)

Plans = Iterator[tuple[str, Plan]]


def schedule_one_off(plan: Plan) -> Plans:
    for shift, variant in ((-1, "one step late"), (1, "one step early")):
        names = scheduled(plan)
        if names:
            rolled = {n: held(plan.lam[n], shift) for n in names}

            def unroll(blocks: Blocks, shift: int = shift, names: list[str] = names) -> Blocks:
                return {**blocks, **{n: collected(blocks[n], shift) for n in names}}

            yield variant, plan.changed(lam={**plan.lam, **rolled}).answering(unroll)


def held(schedule: Array, shift: int) -> Array:
    """The schedule read `shift` entries off, its first or last entry held."""
    return schedule[np.clip(np.arange(schedule.size) + shift, 0, schedule.size - 1)]


def collected(share: Array, shift: int) -> Array:
    """The transpose of `held`."""
    total = np.zeros_like(share)
    np.add.at(total, np.clip(np.arange(share.size) + shift, 0, share.size - 1), share)
    return total


def stale_rate(plan: Plan) -> Plans:
    names = [n for n in scheduled(plan) if n == "eta"]
    if names:
        first = {**plan.lam, "eta": np.full_like(plan.lam["eta"], plan.lam["eta"][0])}
        yield "", plan.changed(adjoint=FrozenRates.of(plan, first))


class FrozenRates(Dynamics):
    """The dynamics, its vjp taken with another λ than the run's."""

    @classmethod
    def of(cls, plan: Plan, lam: Blocks) -> Any:
        frozen = cls.__new__(cls)
        frozen.inner, frozen.lam = plan.dynamics, lam  # type: ignore[attr-defined]
        return with_dynamics(plan.problem, frozen)

    def vjp(self, t: int, s: Array, lam: Blocks, alpha: Array) -> tuple[Array, Blocks]:
        return self.inner.vjp(t, s, self.lam, alpha)  # type: ignore[attr-defined]


def steps_off_by_one(plan: Plan) -> Plans:
    for T in (plan.problem.T - 1, plan.problem.T + 1):
        if T >= 1 and not scheduled(plan) and can_take(plan.problem, T):
            other = copy.copy(plan.problem)
            other.T = T
            yield f"T = {T}", plan.changed(problem=other)


def can_take(problem: Problem, T: int) -> bool:
    """Whether there are mini-batches, or inputs of a recurrent network, for T steps."""
    try:
        for part in (problem.dynamics.J, problem.E):
            part.check_run(T, problem.p)
    except ValueError:
        return False
    return True


SCHEDULE = [
    Mistake(
        "schedule-one-off",
        "a schedule was read one step off",
        "step t uses the entry of its neighbour",
        "counts from 0 and from 1",
        schedule_one_off,
    ),
    Mistake(
        "stale-rate",
        "the backward pass used the first learning rate for all steps",
        "A_t and B_t belong to another rate than the run",
        "rates read once, before the loop",
        stale_rate,
    ),
    Mistake(
        "steps-off-by-one",
        "one training step too few or too many was taken",
        "E is evaluated at the neighbour of s_T",
        "loops that end with a gradient and no step",
        steps_off_by_one,
    ),
]
