"""Random search over hyperparameters that are fixed during training."""

from __future__ import annotations

import time
import warnings
from itertools import count
from pathlib import Path

import numpy as np

from paper_repro.phones.methods import Losses, Tick, fixed
from paper_repro.phones.two_heads import Row
from paper_repro.record import kept, write_sealed

RANGES = {"eta": (1e-3, 1.0), "1 - mu": (1e-2, 1.0), "rho": (1e-3, 10.0)}  # log-uniform


def random_search(losses: Losses, seconds: float, file: Path | None, tick: Tick) -> Row:
    """The trial with the best validation accuracy, among as many random (η, μ, ρ) as time allows.

    seconds  time for all trials, above 0; the last trial is stopped at its next look
    file     where trials are saved, so that an interrupted search can continue; None: nowhere
    returns  see `methods.result`, for the best trial, but with the seconds of all trials; `search`
             holds the results of all
    Beware   the number of trials depends on the machine and its load; the trials themselves are
             the same in each search
    """
    rng = np.random.default_rng(losses.setting.seed + 2)
    trials: list[Row] = (kept(file, warnings.warn) if file else None) or []
    spent = sum(trial["seconds"] for trial in trials)
    for k in count():
        lam = draw(rng)
        if k < len(trials):
            continue
        if spent >= seconds:
            break
        trials.append(trial_of(losses, lam, spent, seconds, tick))
        spent += trials[-1]["seconds"]
        if file is not None:
            write_sealed(file, trials)
    best = max(trials, key=lambda trial: trial["validation accuracy"])
    search = [{k: v for k, v in trial.items() if k != "rows"} for trial in trials]
    return {**best, "seconds": spent, "search": search}


def trial_of(losses: Losses, lam: Row, spent: float, seconds: float, tick: Tick) -> Row:
    """A run at a fixed λ in the remaining time."""
    deadline = time.perf_counter() + seconds - spent
    return fixed(losses, lam, lambda row: tick(row, (spent + row["seconds"]) / seconds), deadline)


def draw(rng: np.random.Generator) -> Row:
    """(η, μ, ρ), log-uniform in η, 1 - μ and ρ."""
    eta, rest, rho = (float(np.exp(rng.uniform(*np.log(ends)))) for ends in RANGES.values())
    return {"eta": eta, "mu": 1 - rest, "rho": rho}
