"""Vanilla, random search, and hyperparameters that are learnt while the network is."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import hgref
from hgref.constraints import Box, NonNegative, Product
from hgref.fast import cpu
from hgref.fast.cpu.carried import Carried
from hgref.layout import Layout
from hgref.objectives import MultiTask
from hgref.outer import Adam
from paper_repro.phones.network import Enough, Row, Watch, accuracy, problem
from paper_repro.phones.setting import Setting
from paper_repro.record import read_json, write_json

LARGEST_MU = 0.999  # of [0, 1)
GONE = 1e-4  # η below this counts as decayed
RANGES = {"eta": (1e-3, 1.0), "1 - mu": (1e-2, 1.0), "rho": (1e-3, 10.0)}  # log-uniform
REAL = np.float32

Tick = Callable[[], Any]


class Losses:
    """J, the validation error and the test error of one experiment."""

    def __init__(self, J: MultiTask, E: MultiTask, test: MultiTask, setting: Setting):
        self.J, self.E, self.test, self.setting = J, E, test, setting

    def watched(self, stop: Callable[[list[Row]], bool], tick: Tick) -> tuple[Watch, hgref.Problem]:
        watch = Watch(self.E, stop, tick)
        return watch, problem(self.J, watch, self.setting)


def warm_up(losses: Losses) -> None:
    """One step of each kind of training, so that no method pays for compiling."""
    _, some = losses.watched(lambda rows: False, lambda: None)
    blocks, layout = some.point(some.pack(eta=0.0, mu=0.0, rho=0.0))
    for columns in (Layout({}), layout):
        Carried(some, blocks, columns, REAL).advance(1)


# --- fixed hyperparameters ---


def fixed(losses: Losses, lam: Row, tick: Tick, deadline: float = np.inf) -> Row:
    """Momentum at a fixed (η, μ, ρ), stopped when the validation accuracy rises no more.

    deadline  a time.perf_counter() at which it stops in any case
    """
    setting = losses.setting

    def stop(rows: list[Row]) -> bool:
        return stale(rows, setting) or time.perf_counter() > deadline

    watch, run = losses.watched(stop, tick)
    blocks, _ = run.point(run.pack(**lam))
    carried = Carried(run, blocks, Layout({}), REAL)
    with suppress(Enough, hgref.Diverged):
        for t in range(setting.every, setting.T + 1, setting.every):
            carried.advance(t)
            carried.error()
    return result(losses, watch, lam, best=True)


def stale(rows: list[Row], setting: Setting) -> bool:
    """Whether the last `patience` looks brought no accuracy better by `better`, relative."""
    found = [row["accuracy"] for row in rows]
    early, late = found[: -setting.patience], found[-setting.patience :]
    return bool(early) and max(late) < (1 + setting.better) * max(early)


def vanilla(losses: Losses, tick: Tick) -> Row:
    """The paper's η = 0.075, μ = 0.5 without the secondary task."""
    setting = losses.setting
    return fixed(losses, {"eta": setting.eta, "mu": setting.mu, "rho": 0.0}, tick)


def random_search(losses: Losses, seconds: float, file: Path, tick: Tick) -> Row:
    """The best of as many random (η, μ, ρ) as the time allows, by validation accuracy.

    seconds  time for all of them; the last one is cut short
    file     where trials are kept: an interrupted search goes on there
    """
    rng = np.random.default_rng(losses.setting.seed + 2)
    trials: list[Row] = read_json(file)["trials"] if file.exists() else []
    spent = sum(trial["seconds"] for trial in trials)
    for k in range(100_000):
        lam = draw(rng)
        if k < len(trials):
            continue
        if spent >= seconds:
            break
        trials.append(fixed(losses, lam, tick, time.perf_counter() + seconds - spent))
        spent += trials[-1]["seconds"]
        write_json(file, {"trials": trials})
    best = max(trials, key=lambda trial: trial["validation accuracy"])
    return {**best, "seconds": spent, "trials": len(trials)}


def draw(rng: np.random.Generator) -> Row:
    eta, rest, rho = (float(np.exp(rng.uniform(*np.log(ends)))) for ends in RANGES.values())
    return {"eta": eta, "mu": 1 - rest, "rho": rho}


# --- hyperparameters in real time ---


def real_time(losses: Losses, lam: Row, tick: Tick) -> Row:
    """RTHO from a start λ_0, with projected Adam on [0, ∞) × [0, 1) × [0, ∞).     eq. (16)

    Stops where η has decayed; what counts is the network at that time.
    Source   Franceschi et al. 2017, sections 3.3 and 5.3
    """
    setting = losses.setting
    watch, run = losses.watched(decayed, tick)
    sets = Product(eta=NonNegative(), mu=Box(0.0, LARGEST_MU), rho=NonNegative())
    with suppress(Enough, hgref.Diverged):
        cpu.realtime(
            run, run.pack(**lam), setting.every, Adam(setting.outer_rate), sets.project, dtype=REAL
        )
    return result(losses, watch, lam, best=False)


def decayed(rows: list[Row]) -> bool:
    """Whether η was there and is gone."""
    return rows[-1]["eta"] < GONE <= max(row["eta"] for row in rows)


def result(losses: Losses, watch: Watch, lam: Row, best: bool) -> Row:
    """What a method found; best: with the weights of the best look, else with the last."""
    if not watch.rows:  # left the finite numbers before the first look
        nothing = {"test accuracy": 0.0, "validation accuracy": 0.0, "seconds": 0.0, "steps": 0}
        return {**nothing, "start": lam, "rows": []}
    rows, seconds = watch.rows, time.perf_counter() - watch.started
    found = [row["accuracy"] for row in rows]
    return {
        "test accuracy": accuracy(losses.test, watch.best if best else watch.w),
        "validation accuracy": max(found) if best else found[-1],
        "seconds": seconds,
        "steps": rows[-1]["t"],
        "start": lam,
        "rows": rows,
    }
