"""Tasks on workers: a result is kept the moment it is there, and a lost worker's task goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from pathlib import Path
from typing import Any

from hgref.hypergradient.sent_once import LACKING, SentOnce, workers_of
from paper_repro.sweep import results
from paper_repro.sweep.results import Say
from paper_repro.sweep.task import Row, Run, Task, carry_out
from paper_repro.sweep.workers import Start

DEATHS = 3  # of workers, after which a task is held to be their cause

Found = tuple[Task, Row]


class TaskFailed(Exception):
    """A task raised an error, or ended its worker again and again; the text names it."""


class Sweep:
    """The results of all tasks: those in the folder first, then each as it is computed.

    tasks    with each, those that it needs
    run      makes a result of the data, a task and the result it needs; at the top of a module
    data     what all tasks share; it goes to each worker once
    folder   of the results: what is there is not run again
    start    see `paper_repro.sweep.workers`
    say      is told what is odd
    Raises   TaskFailed where a task raises, or where it was in flight at three deaths of workers,
             at the last of them alone: what was done before is kept; ValueError where a task that
             another one needs is not among them
    Cost     at most as many tasks as there are workers are in flight, and lost by an interruption
    """

    def __init__(
        self, tasks: Sequence[Task], run: Run, data: Any, folder: Path, start: Start, say: Say
    ):
        self.run, self.data, self.folder, self.start = run, data, folder, start
        require_needed(tasks)
        results.clear_temporary(folder)
        read = ((task, results.read(folder, task, say)) for task in tasks)
        self.there = [(task, row) for task, row in read if row is not None]
        self.found = {task.key: row for task, row in self.there}
        self.waiting = [task for task in tasks if task.key not in self.found]
        self.deaths: Counter[str] = Counter()

    def results(self) -> Generator[Found, None, None]:
        """(task, result) of each; to be closed where it is not used up."""
        yield from self.there
        while self.waiting:
            with self.start() as executor:
                yield from OneExecutor(self, executor).results()

    def keep(self, task: Task, row: Row) -> Found:
        self.waiting.remove(task)
        self.found[task.key] = results.written(self.folder, task, row)
        return task, self.found[task.key]

    def died(self, task: Task) -> None:
        self.deaths[task.key] += 1
        if self.deaths[task.key] == DEATHS:
            raise TaskFailed(
                f"{task.label}: was being run when a worker died, three times; too little memory?"
            )

    def following(self, flying: set[str]) -> Task | None:
        """The next task to be run: one that two deaths make suspect runs alone."""
        suspects = [task for task in self.waiting if self.deaths[task.key] == DEATHS - 1]
        if suspects:
            return None if flying else suspects[0]
        for task in self.waiting:
            ready = task.needs is None or task.needs.key in self.found
            if ready and task.key not in flying:
                return task
        return None


def require_needed(tasks: Sequence[Task]) -> None:
    keys = {task.key for task in tasks}
    for task in tasks:
        if task.needs is not None and task.needs.key not in keys:
            raise ValueError(f"{task.label}: expected {task.needs.label} among the tasks")


class OneExecutor:
    """The results of a sweep's tasks from one executor, until all are there or it is broken."""

    def __init__(self, sweep: Sweep, executor: Executor):
        self.sweep, self.executor = sweep, executor
        self.sent = SentOnce(executor, sweep.data, "the data")
        self.flying: dict[Future[Any], Task] = {}
        self.broken = False

    def results(self) -> Iterator[Found]:
        try:
            while True:
                self.fill()
                if not self.flying:
                    return
                done = wait(self.flying, return_when=FIRST_COMPLETED).done
                for future in sorted(done, key=failed):  # results first: an error ends all
                    yield from self.landed(self.flying.pop(future), future)
        finally:
            for future in self.flying:
                future.cancel()

    def fill(self) -> None:
        """As many tasks in flight as there are workers."""
        while not self.broken and len(self.flying) < workers_of(self.executor):
            task = self.sweep.following({task.key for task in self.flying.values()})
            if task is None:
                break
            self.submit(task, self.sent.bring)
        self.sent.bring = False  # from here on, a worker that lacks the data says so

    def submit(self, task: Task, bring: bool) -> None:
        needed = None if task.needs is None else self.sweep.found[task.needs.key]
        try:
            future = self.sent.submit(carry_out, self.sweep.run, task, needed, bring=bring)
        except BrokenExecutor:
            self.broken = True
        else:
            self.flying[future] = task

    def landed(self, task: Task, future: Future[Any]) -> Iterator[Found]:
        """Keep the result of a task that is done; note whose worker died."""
        try:
            row = future.result()
        except BrokenExecutor:
            self.broken = True
            self.sweep.died(task)
        except CancelledError as error:  # by nobody here: a scheduler that is gone
            raise ConnectionError(
                f"scheduler: lost while {task.label} was in flight; what is done is kept"
            ) from error
        except Exception as error:
            raise TaskFailed(f"{task.label}: {type(error).__name__}: {error}") from error
        else:
            if row is not LACKING:
                yield self.sweep.keep(task, row)
            elif not self.broken:
                self.submit(task, bring=True)


def failed(future: Future[Any]) -> bool:
    return future.cancelled() or future.exception() is not None
