"""Measure the accuracy, time, memory and work of every method on one problem."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import hgref
from hgref import Problem
from hgref.arguments import Array
from hgref.hypergradient.tape import numbers
from hgref.verify.witness import complex_step
from paper_repro.benchmark.compute import load
from paper_repro.benchmark.timing import Tick, in_turn, summary
from paper_repro.costs.compute import keep_memory
from paper_repro.costs.measure import most_bytes
from paper_repro.record import surroundings, write_json
from paper_repro.relatives.counted import Counted
from paper_repro.relatives.limit import towards_the_limit
from paper_repro.relatives.methods import Method, methods
from paper_repro.relatives.model import SOURCE, momentum, training
from paper_repro.relatives.optimum import fewest_steps
from paper_repro.relatives.reversal import taken_back
from paper_repro.relatives.setting import Setting

Row = dict[str, Any]


def compute(setting: Setting, folder: Path, bar: Any) -> dict[str, Path]:
    """Measure all methods, and how two kinds of runs converge to the limit; write the numbers.

    setting  sizes and rounds
    folder   for the results
    bar      a tqdm progress bar; its total is set here
    returns  {"relatives": …, "relatives-limit": …}, their JSON files
    Cost     m complex runs; each method once under tracemalloc and `rounds` times for its seconds
    Beware   times are comparable only within one run, so an interrupted run starts over
    Source   Franceschi et al. 2017, sections 3 and 4, and the sources in `hgref`'s docstrings
    """
    made_with = {**surroundings(), "threads": 1, "load before": load()}
    bar.reset(total=setting.ticks)
    return {
        name: write_json(folder / f"{name}.json", clocked(name, make, setting, bar, made_with))
        for name, make in (("relatives", compared), ("relatives-limit", towards_the_limit))
    }


def clocked(
    name: str, make: Callable[[Setting, Any], Row], setting: Setting, bar: Any, made_with: Row
) -> Row:
    """The content from `make`, with the fields that every result has."""
    started = time.perf_counter()
    return {
        "experiment": name,
        "data": {"source": SOURCE},
        "setting": asdict(setting),
        **make(setting, bar),
        "made with": made_with,
        "wall seconds": round(time.perf_counter() - started, 1),
    }


def compared(setting: Setting, bar: Any) -> Row:
    """The content of the table and the first figure."""
    problem, lam = momentum(setting, training(setting), setting.eta, setting.T)
    bar.set_description("complex step")
    truth = witnessed(problem, lam, bar.update)
    decay = hgref.decay(problem, lam)
    steps = {str(share): decay.K(share) for share in setting.dropped}
    todo = methods(setting.slots, dict.fromkeys(steps.values()), setting.tol)
    bar.set_description("seconds")
    keep_memory()
    runs = {one.name: partial(one.run, problem, lam) for one in todo}
    seconds = in_turn(runs, setting, bar.update, pause=0)
    bar.set_description("bytes and products")
    found = {one.name: measured(setting, one, bar.update) for one in todo}
    return {
        "problem": {
            "p": problem.p,
            "d": problem.d,
            "m": lam.size,
            "bytes of a state": 8 * problem.d,
            "bytes of a linearised step": 8 * numbers(problem),
        },
        "truth": {
            "by": f"complex step along each of the m = {lam.size} hyperparameters",
            "norms": norms(problem, truth),
        },
        "rows": [
            {**row, "seconds": summary(seconds[name]), "error": apart(problem, g.grad, truth)}
            for name, (row, g) in found.items()
        ],
        "K that drops at most a share": steps,
        "rate of decay": decay.rate,
        "reversible": taken_back(setting, found["reversible"][1], found["reverse"][1]),
    }


def witnessed(problem: Problem, lam: Array, tick: Tick) -> Array:
    """∇f(λ) by the complex step through the whole run, for one hyperparameter after another."""
    slopes = []
    for direction in np.eye(lam.size):
        slopes.append(complex_step(problem.f, lam, direction[:, None])[0])
        tick()
    return np.array(slopes)


def measured(setting: Setting, method: Method, tick: Tick) -> tuple[Row, Any]:
    """(the cost of a method in bytes, gradients and products; its hypergradient)."""
    J = Counted(training(setting))
    problem, lam = momentum(setting, J, setting.eta, setting.T)
    method.run(problem, lam)  # Python keeps freed tuples: they would count in a first run
    J.gradients = J.H = J.M = 0
    peak, g = most_bytes(partial(method.run, problem, lam))
    tick()
    row = {
        "method": method.name,
        "family": method.family,
        "label": method.label,
        "exact": method.exact,
        "peak bytes": peak,
        "gradients": J.gradients,
        "products with H": J.H,
        "products with M": J.M,
    }
    return {**row, **steps_of(setting, method, J)}, g


def steps_of(setting: Setting, method: Method, J: Counted) -> Row:
    """The steps beside the T that are linearised, and the fewest possible for the given slots.

    Each linearised step takes one gradient and one product with M; each other gradient is a step
    taken to reach one of them.
    """
    if method.slots is None:
        return {}
    fewest = fewest_steps(setting.T, method.slots)[-1]
    return {"slots": method.slots, "steps": J.gradients - J.M, "fewest steps": fewest}


# --- distances ---


def norms(problem: Problem, grad: Array) -> dict[str, float]:
    """The norm of ∇f, and of each of its blocks."""
    blocks = {name: norm(block) for name, block in problem.layout.split(grad).items()}
    return {"all": norm(grad), **blocks}


def apart(problem: Problem, found: Array, truth: Array) -> dict[str, float]:
    """‖found − ∇f‖ / ‖∇f‖, for all of λ and for each block."""
    gaps, sizes = norms(problem, found - truth), norms(problem, truth)
    return {name: gap / sizes[name] for name, gap in gaps.items()}


def norm(block: Array) -> float:
    return float(np.linalg.norm(block))
