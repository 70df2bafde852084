"""Training with fixed hyperparameters, and with hyperparameters that are learnt in real time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import hgref
from hgref.arguments import Array
from hgref.constraints import Box, NonNegative, Product
from hgref.descent import Descent
from hgref.objectives import MultiTask
from hgref.outer import Adam
from paper_repro.layer import layer_of
from paper_repro.phones.plain import train
from paper_repro.phones.setting import Setting
from paper_repro.phones.two_heads import Enough, Row, Watch, error_and_accuracy, problem

LARGEST_MU = 0.999  # upper bound of μ, below 1
GONE = 1e-4  # a smaller η counts as decayed
RATES = ("eta", "mu", "rho")
REAL = np.float32

Tick = Callable[[Row, float], Any]  # (row of the watch, finished share of the method)


class Losses:
    """J, the validation error and the test error of one experiment."""

    def __init__(self, J: MultiTask, E: MultiTask, test: MultiTask, setting: Setting):
        self.J, self.E, self.test, self.setting = J, E, test, setting

    def watched(
        self, stop: Callable[[list[Row]], str], tick: Callable[[Row], Any]
    ) -> tuple[Watch, hgref.Problem]:
        watch = Watch(self.E, stop, tick)
        return watch, problem(self.J, watch, self.setting)

    def by_steps(self, tick: Tick) -> Callable[[Row], Any]:
        """A tick for a method that ends after T steps."""
        return lambda row: tick(row, row["t"] / self.setting.T)


def warm_up(losses: Losses) -> None:
    """Take one step of each kind of training, so that compilation is not timed."""
    _, some = losses.watched(lambda rows: "", lambda row: None)
    some.T = 1
    forward = layer_of(losses.setting.layer).forward
    forward(some, some.pack(eta=0.0, mu=0.0, rho=0.0), dtype=REAL)


def end_of(training: Callable[[], Any]) -> str:
    """Run a training, and say how it ended."""
    try:
        training()
    except Enough as enough:
        return str(enough)
    except hgref.Diverged:
        return "diverged"
    return "all steps"


# --- fixed hyperparameters ---


def fixed(losses: Losses, lam: Row, tick: Callable[[Row], Any], deadline: float = np.inf) -> Row:
    """Momentum at a fixed (η, μ, ρ), stopped when the validation accuracy no longer rises.

    tick      called with the row of each look
    deadline  a time.perf_counter(): training stops at the first look after it
    returns   see `result`, with the weights of the best look
    Beware    for a run that diverges, the best look before that counts
    """
    setting = losses.setting

    def stop(rows: list[Row]) -> str:
        if stale(rows, setting):
            return "no better"
        return "out of time" if time.perf_counter() > deadline else ""

    watch, problem = losses.watched(stop, tick)

    looks = range(setting.every, setting.T + 1, setting.every)
    ended = end_of(lambda: train(problem, lam, looks, setting.layer, REAL))
    return result(losses, watch, lam, ended, best=True)


def stale(rows: list[Row], setting: Setting) -> bool:
    """Whether none of the last `patience` looks was better, by `better`, than all earlier ones."""
    found = [row["accuracy"] for row in rows]
    early, late = found[: -setting.patience], found[-setting.patience :]
    return bool(early) and max(late) < (1 + setting.better) * max(early)


def vanilla(losses: Losses, tick: Tick) -> Row:
    """The paper's η = 0.075, μ = 0.5 without the secondary task."""
    setting = losses.setting
    lam = {"eta": setting.eta, "mu": setting.mu, "rho": 0.0}
    return fixed(losses, lam, losses.by_steps(tick))


# --- hyperparameters in real time ---


def real_time(
    losses: Losses,
    lam: Row,
    tick: Tick,
    moved: tuple[str, ...] = RATES,
    outer: Descent | None = None,
) -> Row:
    """RTHO from a start λ_0, with projected Adam on [0, ∞) × [0, 1) × [0, ∞).     eq. (16)

    moved    the blocks of λ that are learnt; the others stay as they are
    outer    None: Adam
    returns  see `result`, with the weights of the last look, whatever its accuracy
    Beware   stops when η has decayed, or after T steps; "ended" says which
    Source   Franceschi et al. 2017, sections 3.3 and 5.3
    """
    setting = losses.setting
    watch, run = losses.watched(decayed, losses.by_steps(tick))
    start, rule = run.pack(**lam), outer or adam(setting, moved)
    about = setting.every, rule, domain(moved).project, moved
    realtime = layer_of(setting.layer).realtime
    ended = end_of(lambda: realtime(run, start, *about, dtype=REAL))
    return result(losses, watch, lam, ended, best=False)


def replayed(losses: Losses, rtho: Row, tick: Tick) -> Row:
    """Training with the η and μ that RTHO came to, as a schedule, and without the second task."""
    rates = np.array([[row["eta"], row["mu"]] for row in rtho["rows"]])
    return real_time(losses, rtho["start"], tick, ("eta", "mu"), Schedule(rates))


@dataclass(frozen=True)
class Schedule:
    """An update of λ that takes it from a list: rates[k] is λ_k, and the last one stays."""

    rates: Array

    def start(self, lam: Array) -> Array:
        return np.zeros(0)

    def update(self, k: int, lam: Array, grad: Array, memory: Array) -> tuple[Array, Array]:
        return self.rates[min(k, len(self.rates) - 1)], memory


def adam(setting: Setting, moved: tuple[str, ...]) -> Descent:
    """Adam on λ; in the authors' unit, ρ is one of its numbers over q."""
    units = {"rho": float(setting.q)} if setting.authors else {}
    return InUnits(Adam(setting.outer_rate), np.array([units.get(n, 1.0) for n in moved]))


@dataclass(frozen=True)
class InUnits:
    """A rule that updates `units` · λ in place of λ."""

    rule: Descent
    units: Array

    def start(self, lam: Array) -> Array:
        return self.rule.start(lam)

    def update(self, k: int, lam: Array, grad: Array, memory: Array) -> tuple[Array, Array]:
        lam, memory = self.rule.update(k, self.units * lam, grad / self.units, memory)
        return lam / self.units, memory


def domain(moved: tuple[str, ...] = RATES) -> Product:
    """[0, ∞) × [0, 1) × [0, ∞), with μ bounded by `LARGEST_MU` to close the interval."""
    whole = {"eta": NonNegative(), "mu": Box(0.0, LARGEST_MU), "rho": NonNegative()}
    return Product(**{name: whole[name] for name in moved})


def decayed(rows: list[Row]) -> str:
    """A reason to stop if η has decayed after having been larger; otherwise ""."""
    gone = rows[-1]["eta"] < GONE <= max(row["eta"] for row in rows)
    return "η decayed" if gone else ""


def result(losses: Losses, watch: Watch, lam: Row, ended: str, best: bool) -> Row:
    """The result of a method, with the weights of the best or of the last look.

    seconds  of the training, without the test
    steps    up to the last look
    rows     those of the watch; if training diverged before the first look there are none, and the
             accuracies are 0
    """
    rows = watch.rows
    about = {
        "seconds": time.perf_counter() - watch.started,
        "ended": ended,
        "weights": "best look" if best else "last look",
        "start": lam,
        "rows": rows,
    }
    if not rows:
        return {"test accuracy": 0.0, "validation accuracy": 0.0, "steps": 0, **about}
    found = [row["accuracy"] for row in rows]
    _, test = error_and_accuracy(losses.test, watch.best if best else watch.w)
    return {
        "test accuracy": test,
        "validation accuracy": max(found) if best else found[-1],
        "steps": rows[-1]["t"],
        **about,
    }
