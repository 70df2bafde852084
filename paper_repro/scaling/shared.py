"""Times columns of Z on workers against one process on one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from typing import Any

import hgref
from hgref.arguments import Array
from hgref.fast import cpu
from hgref.hypergradient.sent_once import LACKING, SentOnce, one_thread
from hgref.planning.sizes import Sizes
from paper_repro.benchmark.problems import Case
from paper_repro.benchmark.timing import difference, in_turn, summary
from paper_repro.scaling.setting import Setting
from paper_repro.scaling.weighed import Weighing

Row = dict[str, Any]
LAYERS: dict[str, Callable[..., hgref.Hypergradient]] = {
    "hgref.fast.cpu": cpu.forward,
    "hgref": hgref.forward,
}


def rows(
    setting: Setting, case: Case, executors: Mapping[str, Executor], tick: Callable[[], None]
) -> Iterator[Row]:
    """For each layer and kind of workers: seconds, gain, and the difference of the gradients.

    Also timed: every process runs the whole problem at once. These share nothing, and no division
    of the columns can gain more on this machine.
    """
    for layer, forward in LAYERS.items():
        runs: dict[str, Callable[[], Any]] = {"one process": alone(forward, case)}
        runs |= {n: shared(forward, case, executor) for n, executor in executors.items()}
        gradients = {name: run() for name, run in runs.items()}  # data are sent, all is awake
        runs["all at once"] = at_once(forward, case, executors["processes"], setting.workers)
        seconds = {name: summary(s)["median"] for name, s in in_turn(runs, setting, tick).items()}
        one = seconds["one process"]
        for name in executors:
            apart = difference(gradients[name], gradients["one process"], case.columns)
            yield {
                "layer": layer,
                "workers": name,
                "seconds": seconds[name],
                "seconds of one process": one,
                "gain": one / seconds[name],
                "of the machine": setting.workers * one / seconds["all at once"],
                "difference": apart,
            }


def alone(forward: Callable[..., hgref.Hypergradient], case: Case) -> Callable[[], Array]:
    """In this process, on one thread as workers are."""

    def run() -> Array:
        with one_thread():
            return forward(case.problem, case.lam, case.wrt).grad

    return run


def shared(
    forward: Callable[..., hgref.Hypergradient], case: Case, executor: Executor
) -> Callable[[], Array]:
    return lambda: forward(case.problem, case.lam, case.wrt, executor=executor).grad


def at_once(
    forward: Callable[..., hgref.Hypergradient], case: Case, executor: Executor, workers: int
) -> Callable[[], None]:
    """The whole problem on every worker at once."""
    sent = SentOnce(executor, case.problem, "the problem")

    def run() -> None:
        asked = [sent.submit(forward, case.lam, case.wrt) for _ in range(workers)]
        for future in asked:
            if future.result() is LACKING:
                raise RuntimeError("executor: expected workers that know the problem")

    return run


def sent(setting: Setting, case: Case, weighing: Weighing) -> Row:
    """Bytes sent to a worker at the first and at the second call, and bytes of the data."""
    calls = []
    for _ in range(2):
        weighing.sent.clear()
        options: dict[str, Any] = {"executor": weighing, "workers": setting.workers}
        cpu.forward(case.problem, case.lam, case.wrt, **options)
        calls.append(max(weighing.sent))
    data = Sizes.of(case.problem).sent
    return {"first call": calls[0], "second call": calls[1], "data and λ": data + case.lam.nbytes}
