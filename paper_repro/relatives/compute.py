"""Every method on one problem: how exact, how fast, how much memory and how much work."""

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
from hgref.verify.witness import complex_step
from paper_repro.benchmark.complexity import most_bytes
from paper_repro.benchmark.compute import load, processor
from paper_repro.benchmark.timing import Tick, in_turn, summary
from paper_repro.costs.compute import keep_memory
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
    """Measure all methods, and two runs' way to the limit; write the numbers.

    setting  sizes and rounds
    folder   for the results
    bar      a tqdm progress bar; its total is set here
    returns  {"relatives": …, "relatives-limit": …}, their JSON files
    Cost     m complex runs; each method once under tracemalloc and `rounds` times beside the clock
    Beware   seconds are compared only within one run: there is no going on from half of one
    Source   Franceschi et al. 2017, sections 3 and 4, and those whom `hgref`'s docstrings name
    """
    made_with = {**surroundings(), "threads": 1, "processor": processor(), "load before": load()}
    bar.reset(total=setting.ticks)
    return {
        name: write_json(folder / f"{name}.json", clocked(name, make, setting, bar, made_with))
        for name, make in (("relatives", compared), ("relatives-limit", towards_the_limit))
    }


def clocked(
    name: str, make: Callable[[Setting, Any], Row], setting: Setting, bar: Any, made_with: Row
) -> Row:
    """The content that `make` makes, with all that stands in every result."""
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
    """The table's content."""
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
    """∇f(λ) by the complex step through the whole run, one hyperparameter after the other."""
    slopes = []
    for direction in np.eye(lam.size):
        slopes.append(complex_step(problem.f, lam, direction[:, None])[0])
        tick()
    return np.array(slopes)


def measured(setting: Setting, method: Method, tick: Tick) -> tuple[Row, Any]:
    """(what a method takes: bytes, gradients and products; the hypergradient)."""
    J = Counted(training(setting))
    problem, lam = momentum(setting, J, setting.eta, setting.T)
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
    """Steps of the run, taken again ones included, and the fewest where the slots are told.

    Each step back takes a gradient and a product with M; every other gradient is that of a step.
    """
    if method.slots is None:
        return {}
    fewest = 1 + fewest_steps(setting.T, method.slots)[-1]  # one more brings s_T
    return {"slots": method.slots, "steps": J.gradients - J.M, "fewest steps": fewest}


# --- distances ---


def norms(problem: Problem, grad: Array) -> dict[str, float]:
    """‖∇f‖, and that of each block."""
    blocks = {name: norm(block) for name, block in problem.layout.split(grad).items()}
    return {"all": norm(grad), **blocks}


def apart(problem: Problem, found: Array, truth: Array) -> dict[str, float]:
    """‖found − ∇f‖ / ‖∇f‖, of all of λ and of each block."""
    gaps, sizes = norms(problem, found - truth), norms(problem, truth)
    return {name: gap / sizes[name] for name, gap in gaps.items()}


def norm(block: Array) -> float:
    return float(np.linalg.norm(block))
