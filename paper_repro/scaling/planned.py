"""Runs every way of a plan that fits: measured bytes and seconds beside the planned ones."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any

import hgref
from hgref.fast import cpu
from hgref.planning.way import Way
from paper_repro.benchmark.problems import Case
from paper_repro.benchmark.timing import in_turn, summary
from paper_repro.scaling.engines import Engines
from paper_repro.scaling.problems import Posed
from paper_repro.scaling.setting import Setting
from paper_repro.scaling.weighed import Weighing, renamed

Row = dict[str, Any]
Run = Callable[[], Any]


def rows(
    setting: Setting, posed: Posed, engines: Engines, tick: Callable[[], None]
) -> Iterator[Row]:
    """For each way that fits: planned and measured bytes, seconds and bytes sent."""
    case = posed.case
    n = setting.workers
    made = hgref.plan(case.problem, posed.budget, workers=n, wrt=case.wrt, timed=True)
    ways = [way for way in made.ways if way.bytes <= made.budget]
    runs = {way.call: run_of(way, case, engines.processes, setting.rounds + 1) for way in ways}
    for run in runs.values():
        run()  # everything is compiled, and the workers are awake
    seconds = in_turn(runs, setting, tick)
    for way in ways:
        on_workers = way.workers > 1
        run = runs[way.call]
        found = of_task(way, case, engines.weighing) if on_workers else {"bytes": peak(run)}
        yield {
            "problem": posed.name,
            "budget": posed.budget,
            "way": way.call,
            "planned": {"bytes": way.bytes, "seconds": way.seconds, "sent": way.sent or None},
            "measured": {"sent": None, **found, "seconds": summary(seconds[way.call])["median"]},
        }


def run_of(way: Way, case: Case, executor: Executor, calls: int) -> Run:
    """The call of a way, without arguments; workers are sent the problem at each call."""
    if way.workers > 1:
        problems = iter([renamed(case.problem, call) for call in range(calls)])
        return lambda: cpu.forward(
            next(problems), case.lam, case.wrt, executor=executor, workers=way.workers
        )
    wrt = {"wrt": case.wrt} if way.algorithm == "forward" else {}
    return lambda: getattr(cpu, way.algorithm)(case.problem, case.lam, **way.options, **wrt)


def peak(run: Run) -> int:
    """Peak of the bytes allocated during a call."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def of_task(way: Way, case: Case, weighing: Weighing) -> dict[str, int]:
    """Peak of a worker, and bytes sent to it."""
    for call in range(2):  # the first time its kernels are read from disk
        problem = renamed(case.problem, call)
        cpu.forward(problem, case.lam, case.wrt, executor=weighing, workers=way.workers)
    last = slice(-way.workers, None)
    return {"bytes": max(weighing.peaks[last]), "sent": max(weighing.sent[last])}
