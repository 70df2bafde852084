"""An executor that records the bytes sent to a worker, and the peak that the worker allocates."""

from __future__ import annotations

import multiprocessing
import pickle
import tracemalloc
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any

import hgref


class Weighing(Executor):
    """One worker for one task at a time; default: a process.

    sent    bytes of each pickled task
    peaks   peak of the bytes allocated for each task, its arguments included
    """

    def __init__(self, worker: Executor | None = None):
        spawn = multiprocessing.get_context("spawn")
        self.pool = worker or ProcessPoolExecutor(1, spawn)
        self.sent: list[int] = []
        self.peaks: list[int] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        task = pickle.dumps((function, arguments, named), protocol=5)
        result, peak = self.pool.submit(weighed, task).result()
        self.sent.append(len(task))
        self.peaks.append(peak)
        future: Future[Any] = Future()
        future.set_result(result)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.pool.shutdown(wait, cancel_futures=cancel_futures)


def weighed(task: bytes) -> tuple[Any, int]:
    """(result, peak of the allocated bytes), on the worker."""
    tracemalloc.start()
    try:
        function, arguments, named = pickle.loads(task)
        result = function(*arguments, **named)
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def renamed(problem: hgref.Problem, number: int) -> Any:
    """A copy with other bytes, which is sent even to a worker that has the problem."""
    made: Any = pickle.loads(pickle.dumps(problem, protocol=5))
    made.copy = number
    return made
