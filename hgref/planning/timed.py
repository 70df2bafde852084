"""Seconds of a few steps, run by hgref.fast.cpu and multiplied up."""

from __future__ import annotations

import copy
import pickle
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hgref.fast import cpu
from hgref.fast.cpu.forward import carry
from hgref.hypergradient.sent_once import one_thread
from hgref.planning.way import Way
from hgref.problem import Problem

VALUE = 1e-3  # of each hyperparameter: a few steps stay finite, and no number is denormal
STEPS, ENOUGH = 3, 0.1  # steps and seconds of one timing, at least
TIMES = 3  # timings of each run, at least; their median counts

Run = Callable[[Problem], Any]


class Line(NamedTuple):
    """Seconds of a run of T steps: once + T step."""

    once: float
    step: float

    def at(self, T: int) -> float:
        return self.once + T * self.step


class Stopwatch:
    """Times the first steps of a problem, with every hyperparameter at VALUE.

    names  blocks of λ whose columns `forward` carries
    dtype  of the products with the data
    """

    def __init__(self, problem: Problem, names: Sequence[str], dtype: Any):
        self.problem, self.names, self.dtype = problem, names, dtype
        self.lam = problem.layout.point(np.full(problem.layout.size, VALUE))

    def seconds(self, way: Way) -> float:
        """Of one call; nothing left to compile."""
        if way.algorithm == "forward":
            return self.on_workers(way.workers) if way.workers > 1 else self.forward()
        return self.backwards(way)

    def forward(self) -> float:
        def run(short: Problem) -> None:
            cpu.forward(short, self.lam, self.names, dtype=self.dtype)

        return line(run, self.problem).at(self.problem.T)

    def on_workers(self, n: int) -> float:
        """The largest share of the columns on one thread, after n copies of the problem."""
        span = self.problem.layout.select(self.names).columns().among(n)[-1]

        def run(short: Problem) -> None:
            carry(short, self.lam, span, False, self.dtype)

        with one_thread():
            carried = line(run, self.problem)
        started = time.perf_counter()
        pickle.loads(pickle.dumps(self.problem, protocol=5))
        return carried.at(self.problem.T) + n * (time.perf_counter() - started)

    def backwards(self, way: Way) -> float:
        """T steps there and back, and those that are run again."""
        T, recompute = self.problem.T, bool(way.options.get("recompute"))
        again = way.steps - T * (1 + recompute)
        leaf = way.options.get("every") or way.options.get("slots") or T

        def run(short: Problem) -> None:
            cpu.reverse(short, self.lam, dtype=self.dtype, recompute=recompute)

        both = line(run, self.problem, leaf).at(T)
        return both + again * self.step() if again else both

    def step(self) -> float:
        """One step of training."""

        def run(short: Problem) -> None:
            cpu.last_state(short, self.lam, dtype=self.dtype)

        return line(run, self.problem).step


def line(run: Run, problem: Problem, most: int | None = None) -> Line:
    """Through the medians of a run of one step and of a run of up to `most` steps."""
    short = copy.copy(problem)  # its tables of batches go on after its last step

    def seconds(T: int) -> float:
        short.T = T
        started = time.perf_counter()
        run(short)
        return time.perf_counter() - started

    most = min(problem.T, max(most or problem.T, STEPS))
    T = min(STEPS, most)
    seconds(T)  # compiles
    while seconds(T) < ENOUGH and most > T:
        T = min(4 * T, most)
    pairs: list[tuple[float, float]] = []
    ends = time.perf_counter() + TIMES * ENOUGH
    while len(pairs) < TIMES or time.perf_counter() < ends:
        pairs.append((seconds(1), seconds(T)))
    one, many = map(statistics.median, zip(*pairs, strict=True))
    step = max(many - one, 0.0) / (T - 1) if T > 1 else many
    return Line(many - T * step, step)
