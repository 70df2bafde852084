"""Mistakes of time: schedules, stale rates, the number of steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hgref.arguments import Array
from hgref.layout import Blocks
from hgref.run import Posed
from hgref.verify.mistakes.computation import Computation, scheduled
from hgref.verify.mistakes.mistake import Mistake

Wrongs = Iterator[tuple[str, Computation]]


def schedule_one_off(base: Computation) -> Wrongs:
    for shift, variant in ((-1, "one step late"), (1, "one step early")):
        names = scheduled(base)
        if names:
            rolled = {n: held(base.lam[n], shift) for n in names}

            def unroll(blocks: Blocks, shift: int = shift, names: list[str] = names) -> Blocks:
                return {**blocks, **{n: collected(blocks[n], shift) for n in names}}

            yield variant, base.training({**base.lam, **rolled}).answering(unroll)


def held(schedule: Array, shift: int) -> Array:
    """The schedule shifted by `shift` entries, repeating its first or last entry."""
    return schedule[np.clip(np.arange(len(schedule)) + shift, 0, len(schedule) - 1)]


def collected(share: Array, shift: int) -> Array:
    """The transpose of `held`."""
    total = np.zeros_like(share)
    np.add.at(total, np.clip(np.arange(len(share)) + shift, 0, len(share) - 1), share)
    return total


def stale_rate(base: Computation) -> Wrongs:
    if "eta" in scheduled(base):
        eta = base.lam["eta"]
        first = {**base.lam, "eta": 0 * eta + eta[0]}
        yield "", base.differentiating(first)


def steps_off_by_one(base: Computation) -> Wrongs:
    for T in (base.run.T - 1, base.run.T + 1):
        if T >= 1 and not scheduled(base) and can_take(base.run.problem, T):
            yield f"T = {T}", base.training(T=T)


def can_take(problem: Posed, T: int) -> bool:
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
