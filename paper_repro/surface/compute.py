"""Compute the surface f(λ) on a grid, and the paths of λ that descend it."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.constraints import Box, Product
from hgref.fast import cpu
from hgref.outer import GradientDescent
from hgref.problem import Problem
from paper_repro.data.images import Images
from paper_repro.record import kept, surroundings, write_json, write_sealed
from paper_repro.surface.perceptron import block_of, f_or_nan, lam_at, training_problem, value
from paper_repro.surface.setting import Point, Setting
from paper_repro.surface.steps import StepsInLog10
from paper_repro.sweep.workers import InTurn, Start

Way = dict[str, Any]
HALVES = 0.5 ** np.arange(8)  # shares of a step that are tried


def compute(
    images: Images, setting: Setting, folder: Path, bar: Any, start: Start = InTurn
) -> dict[str, Path]:
    """Run the experiment; write the numbers of its figure.

    images   the source of the digits
    setting  sizes, rates, the part of the plane to draw
    folder   for the result; its subfolder `.partial` holds the finished rows of the surface, from
             which an interrupted run continues
    bar      a tqdm progress bar; its total is set here
    start    the workers of the surface, see `paper_repro.sweep.workers`
    returns  {"surface": its JSON file}
    Cost     grid² runs of T steps; for each start hyper_iterations hypergradients and one real-time
             run
    Source   Franceschi et al. 2017, sections 3.1 and 3.3; the picture: the authors' public code
    """
    started = time.perf_counter()
    bar.reset(total=setting.ticks)
    problem = training_problem(images, setting)
    rows = folder / ".partial" / f"surface-{setting.key(images.name)}.json"
    f = surface(problem, setting, rows, bar, start)
    bar.set_description("reverse")
    reverse = [by_reverse(problem, point, setting, bar) for point in setting.starts]
    bar.set_description("real time")
    realtime = [in_real_time(problem, point, setting, bar) for point in setting.starts]
    content = {
        "experiment": "surface",
        "data": {
            "source": images.name,
            "pixels a side": images.side // block_of(images, setting.side),
        },
        "setting": asdict(setting),
        "weights": problem.p,
        "log10 l2": np.linspace(*setting.l2, setting.grid),
        "log10 eta": np.linspace(*setting.eta, setting.grid),
        "f": f,
        "reverse": reverse,
        "realtime": realtime,
        "made with": surroundings(),
        "wall seconds": round(time.perf_counter() - started, 1),
    }
    path = write_json(folder / "surface.json", content)
    rows.unlink(missing_ok=True)
    return {"surface": path}


# --- the surface ---


def surface(
    problem: Problem, setting: Setting, file: Path, bar: Any, start: Start = InTurn
) -> list[list[float | None]]:
    """f on the grid, with a row for each η; None where training diverges."""
    done: list[list[float | None]] = kept(file, bar.write) or []
    bar.set_description("surface")
    bar.update(len(done))
    left = np.linspace(*setting.eta, setting.grid)[len(done) :]
    with start() as executor:
        for row in executor.map(functools.partial(row_at, problem, setting), left):
            done.append(row)
            write_sealed(file, done)
            bar.update()
    return done


def row_at(problem: Problem, setting: Setting, y: float) -> list[float | None]:
    """f along one line of the grid, log10 η = y."""
    return [or_none(f_or_nan(problem, (x, y))) for x in np.linspace(*setting.l2, setting.grid)]


# --- the ways down ---


def by_reverse(problem: Problem, start: Point, setting: Setting, bar: Any) -> Way:
    """Gradient descent on log10 λ with full hypergradients, whose steps are halved until f falls.

    Where every step that is tried leads up, λ stays: beyond a cliff of f the next digits of f, and
    with them the path, would be those of the rounding of one processor.
    """
    steps = StepsInLog10(GradientDescent(setting.outer_rate), setting.longest)
    project, lam = inside(setting).project, lam_at(problem, start)
    g, memory = cpu.reverse(problem, lam), steps.start(lam)
    path, f = [lam], [g.f]
    for k in ticking(range(1, setting.hyper_iterations + 1), bar):
        moved, memory = steps.update(k, lam, g.grad, memory)
        trials = (project(lam ** (1 - h) * moved**h) for h in HALVES)
        lower = next((one for one in trials if value(problem, one) < f[-1]), None)
        if lower is not None:
            lam, g = lower, cpu.reverse(problem, lower)
        path.append(lam)
        f.append(g.f)
    ks = np.arange(setting.hyper_iterations + 1)
    return {"k": ks, "f": f, **drawn(np.array(path), g.layout.slices, steps.grads)}


def in_real_time(problem: Problem, start: Point, setting: Setting, bar: Any) -> Way:
    """The path of a single training run in which λ moves after every Δ steps."""
    steps = StepsInLog10(GradientDescent(setting.realtime_rate), setting.longest)
    run = cpu.realtime(
        problem,
        lam_at(problem, start),
        setting.every,
        outer=steps,
        project=inside(setting).project,
        progress=lambda ts: ticking(ts, bar),
    )
    still = or_none(f_or_nan(problem, start))
    path = drawn(run.lam, run.layout.slices, steps.grads)
    return {"t": run.t, "f": run.f, "f at the end, start kept": still, **path}


def inside(setting: Setting) -> Product:
    """Λ: the part of the plane that is drawn."""
    boxes = {name: Box(*(10.0 ** np.array(getattr(setting, name)))) for name in ("eta", "l2")}
    return Product(**boxes)


def drawn(lam: Array, at: dict[str, slice], grads: list[Array]) -> Way:
    """The path and the negative gradients along it, in the coordinates of the picture."""
    order = [at["l2"].start, at["eta"].start]
    return {
        "point": np.log10(lam)[:, order],
        "downhill": -np.array(grads)[:, order],
    }


def or_none(f: float) -> float | None:
    """f, or None for NaN, which JSON does not have."""
    return None if np.isnan(f) else f


def ticking(iterations: Iterable[int], bar: Any) -> Iterator[int]:
    for k in iterations:
        yield k
        bar.update()
