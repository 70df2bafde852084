"""Mistakes of time: schedules, stale rates, the start, the number of steps."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.layout import Blocks, Layout
from hgref.run import Posed, Run
from hgref.verify.mistakes.batches import rebatched
from hgref.verify.mistakes.computation import Computation, Wrongs, only, scheduled, together
from hgref.verify.mistakes.edits import (
    altered,
    data_losses,
    each_term,
    has_batches,
    leaves,
    other_run,
)
from hgref.verify.mistakes.mistake import Mistake

ROUGH = 0.01  # relative: what comes nearer is computed exactly


def schedule_one_off(base: Computation) -> Wrongs:
    """Beyond its ends a schedule repeats its first or last entry, or begins anew."""
    if not scheduled(base):
        return
    T = base.run.T
    for shift, variant in ((-1, "one step late"), (1, "one step early")):
        steps = np.arange(T) + shift
        for ends, entries in (("", np.clip(steps, 0, T - 1)), ("in a circle", steps % T)):
            yield together(variant, ends), reading(base, entries)


def backwards_in_the_run(base: Computation) -> Wrongs:
    if scheduled(base):
        yield "", reading(base, np.arange(base.run.T)[::-1])


def reading(base: Computation, entries: Array, **parts: Any) -> Computation:
    """Step t takes the entry entries[t − 1] of each schedule; `parts` as in `training`."""
    names = scheduled(base)
    moved = {**base.lam, **{n: base.lam[n][entries] for n in names}}
    gather = functools.partial(collected, names, entries, base.run.T)
    return base.training(moved, **parts).answering(gather)


def collected(names: list[str], entries: Array, T: int, blocks: Blocks) -> Blocks:
    """The share of each step goes to the entry that it read."""
    found = {}
    for name in names:
        found[name] = np.zeros((T, *blocks[name].shape[1:]))
        np.add.at(found[name], entries, blocks[name])
    return {**blocks, **found}


def stale_rate(base: Computation) -> Wrongs:
    if "eta" in scheduled(base):
        eta = base.lam["eta"]
        first = lambda run: other_run(run, {**run.lam, "eta": 0 * eta + eta[0]})  # noqa: E731
        yield "", base.differentiating(first)


def steps_off_by_one(base: Computation) -> Wrongs:
    T = base.run.T
    yield f"T = {T - 1}", base.evaluating(lambda T: only(T - 1, T))
    for variant, longer in one_more(base):
        yield together(f"T = {T + 1}", variant), longer


def one_more(base: Computation) -> Wrongs:
    """A step more, for which a schedule and a table of batches repeat their last or first entry."""
    T = base.run.T
    repeats = scheduled(base) or any(map(has_batches, [*leaves(base.J), *leaves(base.run.E)]))
    ends = {"the last entry again": T - 1, "the first entry again": 0}
    for variant, entry in ends.items() if repeats else [("", 0)]:
        entries = np.append(np.arange(T), entry)
        longer_table = functools.partial(np.take, indices=entries, axis=0)
        J = each_term(base.J, functools.partial(rebatched, longer_table))
        longer = reading(base, entries, dynamics=altered(base.dynamics, J=J), T=T + 1)
        if can_take(longer.run.problem, T + 1):
            yield variant, longer.changed(run=wider(longer.run))


def wider(run: Run) -> Run:
    """The run with a layout of its own λ, whose schedules are longer."""
    return Run(run.problem, run.lam, Layout({n: run.lam[n].shape for n in run.layout.shapes}))


def stopped_early(base: Computation) -> Wrongs:
    for t in ends(base):
        yield f"T = {t}", base.evaluating(functools.partial(only, t)).changed(alone=True)


def ends(base: Computation) -> list[int]:
    """Steps t < T − 1 at which ∇E(s_t) Z_t is the target's, roughly, along a random direction."""
    T, along = base.run.T, base.shared.along(base.run)
    if along is None:
        return [t for t in (T - 2, T // 2) if 0 < t < T - 1]
    return [t for t in range(1, T - 1) if abs(along.off(only(t, T))) < ROUGH]


BY_COLUMNS: dict[str, Callable[[Array], Array]] = {
    "written": lambda W: W.T.reshape(-1),
    "read": lambda W: W.reshape(W.T.shape).T.reshape(-1),
}


def another_start(base: Computation) -> Wrongs:
    problem = base.run.problem
    if problem.s0 is not None:
        return
    w0 = base.lam["w0"] if problem.learn_w0 else problem.w0
    starts = {"zeros": np.zeros(problem.p)}
    models = data_losses(base.J)
    if models:
        for variant, turn in BY_COLUMNS.items():
            parts = [part for W, b in models[0].layers(w0) for part in (turn(W), b)]
            starts[f"w0 {variant} by columns"] = np.concatenate(parts)
    for variant, start in starts.items():
        if problem.learn_w0:
            yield variant, base.training({**base.lam, "w0": start})
        elif not np.array_equal(start, w0):
            yield variant, base.training(w0=start)


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
        "run-backwards-in-its-schedule",
        "the run took a schedule from its end",
        "step t uses the entry of step T + 1 − t",
        "a list from which rates are popped",
        backwards_in_the_run,
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
    Mistake(
        "stopped-early",
        "training ended some steps before T",
        "the last steps, and what λ does in them, are missing",
        "early stopping, or the best of the saved states",
        stopped_early,
    ),
    Mistake(
        "another-start",
        "training did not start from w0, but from zeros or from its matrices by columns",
        "the gradient is that of another run",
        "weights that were not copied into the model; (inputs, outputs) against (outputs, inputs)",
        another_start,
    ),
]
