"""The network with two heads, as a training problem and as a validation error that is watched."""

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
    """Training is to stop; the rows of the watch tell what it was."""


class Watch(Objective):
    """A validation error that keeps a diary: a row at every look at it.

    E      the error: of a network with two heads the first, ρ = 0
    stop   rows → whether training is to stop there: raises Enough
    tick   called at each look
    rows   step, seconds since the start, validation error, accuracy, and λ
    w      (p,) the weights at the last look;  best: those with the highest accuracy
    """

    def __init__(self, E: MultiTask, stop: Callable[[list[Row]], bool], tick: Callable[[], Any]):
        self.E, self.p, self.stop, self.tick = E, E.p, stop, tick
        self.rows: list[Row] = []
        self.started = time.perf_counter()

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        error, found = self.E.value(t, w, lam), accuracy(self.E, w)
        seconds = time.perf_counter() - self.started
        rates = {name: float(lam[name]) for name in ("eta", "mu", "rho")}
        if found > max((row["accuracy"] for row in self.rows), default=-1.0):
            self.best = w.copy()
        self.rows.append({"t": t, "seconds": seconds, "error": error, "accuracy": found, **rates})
        self.w = w.copy()
        self.tick()
        if self.stop(self.rows):
            raise Enough
        return error

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        return self.E.grad(t, w, lam)


def accuracy(E: MultiTask, w: Array) -> float:
    """Percentage of frames of which the state is right."""
    z, y = E.loss.split(E.predict(w))[0], E.loss.split(E.y)[0]
    return 100 * float((z.argmax(axis=1) == y.argmax(axis=1)).mean())


def training(phones: Phones, setting: Setting) -> MultiTask:
    """J: states and secondary targets of random mini-batches."""
    rng, part = np.random.default_rng(setting.seed), phones.train
    batches = rng.integers(0, len(part), (setting.T, setting.batch))
    return two_heads(part, np.arange(len(part)), phones, setting, batches=batches)


def validation(phones: Phones, setting: Setting) -> MultiTask:
    """E: states of a random sample of the validation frames."""
    rng, part = np.random.default_rng(setting.seed + 1), phones.valid
    some = rng.permutation(len(part))[: setting.valid]
    return two_heads(part, np.sort(some), phones, setting, rho=0.0)


def testing(phones: Phones, setting: Setting) -> MultiTask:
    """All test frames."""
    return two_heads(phones.test, np.arange(len(phones.test)), phones, setting, rho=0.0)


def two_heads(
    part: Part, index: Array, phones: Phones, setting: Setting, **options: Any
) -> MultiTask:
    X, y, second = part.inputs(index), part.y[index], part.targets(index)
    return MultiTask(
        X, y, second, setting.hidden, activation="relu", classes=phones.states, **options
    )


def problem(J: MultiTask, E: Objective, setting: Setting) -> hgref.Problem:
    """Momentum on J from a random start."""
    return hgref.Problem(hgref.Momentum(J), E, setting.T, w0=J.start(setting.seed))
