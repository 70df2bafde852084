"""The network with two heads: its training problem, and a validation error that is monitored."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import hgref
from hgref.arguments import Array
from hgref.layout import Blocks
from hgref.objectives import MultiTask, Objective
from paper_repro.data.speech.part import Part
from paper_repro.data.speech.phones import Phones
from paper_repro.phones.setting import Setting

Row = dict[str, Any]


class Enough(Exception):
    """Raised to stop training; the message says why."""


class Watch(Objective):
    """A validation error that records a row at each evaluation (a "look").

    E      the error, of the first head only (ρ = 0)
    stop   rows → the reason to stop, with which Enough is raised; "" to go on
    tick   called with each new row
    rows   step, seconds since the start, validation error, accuracy in percent, and the λ of the
           steps before the look; an error that is not finite is not recorded, and the problem
           raises Diverged
    w      (p,) the weights at the last look
    best   (p,) the weights at the first look with the highest accuracy
    """

    def __init__(self, E: MultiTask, stop: Callable[[list[Row]], str], tick: Callable[[Row], Any]):
        self.E, self.p, self.stop, self.tick = E, E.p, stop, tick
        self.rows: list[Row] = []
        self.started = time.perf_counter()

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        error, found = error_and_accuracy(self.E, w)
        if not np.isfinite(error):
            return error
        seconds = time.perf_counter() - self.started
        rates = {name: float(lam[name]) for name in ("eta", "mu", "rho")}
        if found > max((row["accuracy"] for row in self.rows), default=-1.0):
            self.best = w.copy()
        row = {"t": t, "seconds": seconds, "error": error, "accuracy": found, **rates}
        self.rows.append(row)
        self.w = w.copy()
        self.tick(row)
        if why := self.stop(self.rows):
            raise Enough(why)
        return error

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        return self.E.grad(t, w, lam)


def error_and_accuracy(E: MultiTask, w: Array) -> tuple[float, float]:
    """(E(w) at ρ = 0, percentage of frames whose state is predicted correctly).

    Cost     one prediction for both; calling E.value as well would need a second one
    """
    z = E.predict(w)
    error = float(E.loss.values(z, E.y)[0].mean())
    found, true = (E.loss.split(both)[0].argmax(axis=1) for both in (z, E.y))
    return error, 100 * float((found == true).mean())


def training(phones: Phones, setting: Setting) -> MultiTask:
    """J: states and secondary targets of random mini-batches, drawn with replacement.

    Beware   stores the inputs and targets of all training frames as float64: 15 kB per frame at
             the paper's sizes
    """
    rng, part = np.random.default_rng(setting.seed), phones.train
    batches = rng.integers(0, len(part), (setting.T, setting.batch))
    return two_heads(part, np.arange(len(part)), phones, setting, batches=batches)


def validation(phones: Phones, setting: Setting) -> MultiTask:
    """E: states of a random sample of the validation frames."""
    rng, part = np.random.default_rng(setting.seed + 1), phones.valid
    some = rng.permutation(len(part))[: setting.valid]
    return two_heads(part, np.sort(some), phones, setting, rho=0.0)


def testing(phones: Phones, setting: Setting) -> MultiTask:
    """The test error: states of all test frames."""
    return two_heads(phones.test, np.arange(len(phones.test)), phones, setting, rho=0.0)


def two_heads(
    part: Part, index: Array, phones: Phones, setting: Setting, **options: Any
) -> MultiTask:
    X, y, second = part.inputs(index), part.y[index], part.targets(index)
    return MultiTask(
        X, y, second, setting.hidden, activation="relu", classes=phones.states,
        rectified=setting.authors, **options,
    )  # fmt: skip


def problem(J: MultiTask, E: Objective, setting: Setting) -> hgref.Problem:
    """Momentum on J from a random start."""
    return hgref.Problem(hgref.Momentum(J), E, setting.T, w0=J.start(setting.seed))
