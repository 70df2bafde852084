"""Runs tasks on an executor; saves each result at once, resubmits the tasks of a dead worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Generator, Iterator, Sequence
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

DEATHS = 3  # of workers, after which a task counts as their cause

Flying = dict[Future[Any], Task]


class TaskFailed(Exception):
    """A task raised an error or killed its worker three times; the text names it."""


class Sweep:
    """Tasks, and the results that they have so far: `found`, under their keys.

    tasks    each of them, and each that one of them needs
    run      makes a result from the data, a task and the result it needs; at the top of a module
    data     shared by all tasks; sent to each worker once
    folder   of the results; a task with a result there is not run again
    start    see `paper_repro.sweep.workers`
    say      is told of damaged files
    Raises   ValueError where a task needs another that is not among them
    """

    def __init__(
        self, tasks: Sequence[Task], run: Run, data: Any, folder: Path, start: Start, say: Say
    ):
        self.tasks, self.run, self.data, self.folder, self.start = tasks, run, data, folder, start
        keys = {task.key for task in tasks}
        for task in tasks:
            if task.needs is not None and task.needs.key not in keys:
                raise ValueError(f"{task.label}: expected {task.needs.label} among the tasks")
        results.clear_temporary(folder)
        read = {task.key: results.read(folder, task, say) for task in tasks}
        self.found = {key: row for key, row in read.items() if row is not None}
        self.deaths: Counter[str] = Counter()

    @property
    def rows(self) -> dict[tuple[str, int], Row]:
        """(method, seed) → result, in the order of the tasks, whichever ended first."""
        return {(t.method, t.seed): self.found[t.key] for t in self.tasks if t.key in self.found}

    @property
    def waiting(self) -> list[Task]:
        return [task for task in self.tasks if task.key not in self.found]

    def as_completed(self) -> Generator[Task, None, None]:
        """Run what has no result; a task comes when its result is saved. Close it if not used up.

        Raises   TaskFailed where a task raises an error or kills three workers (the third time it
                 runs alone, so that no other is blamed); what was done before is kept
        Cost     at most as many tasks as workers are in flight, and lost by an interruption
        """
        while self.waiting:
            with self.start() as executor:
                yield from self.on(executor)

    def on(self, executor: Executor) -> Iterator[Task]:
        """Run on one executor, until all is done or one of its workers dies."""
        sent, flying = SentOnce(executor, self.data, "the data"), Flying()
        try:
            while self.fill(sent, flying):
                done = wait(flying, return_when=FIRST_COMPLETED).done
                for future in sorted(done, key=failed):  # results first: an error ends all
                    row = outcome(future, flying[future])
                    task = flying.pop(future)
                    if row is LACKING:
                        self.submit(sent, task, flying, bring=True)
                    else:
                        self.found[task.key] = results.written(self.folder, task, row)
                        yield task
        except BrokenExecutor as error:
            self.count_death(flying.values(), error)
        finally:
            for future in flying:
                future.cancel()

    def fill(self, sent: SentOnce, flying: Flying) -> Flying:
        """Keep as many tasks in flight as there are workers."""
        free = workers_of(sent.executor) - len(flying)
        for task in self.ready(flying.values())[: max(0, free)]:
            self.submit(sent, task, flying)
        sent.bring = False  # from now on, a worker without the data says so
        return flying

    def ready(self, flying: Collection[Task]) -> list[Task]:
        """The tasks that may start now; one that saw two deaths runs alone."""
        suspects = [task for task in self.waiting if self.deaths[task.key] == DEATHS - 1]
        if suspects:
            return [] if flying else suspects[:1]
        possible = [t for t in self.waiting if t.needs is None or t.needs.key in self.found]
        return [task for task in possible if task not in flying]

    def submit(self, sent: SentOnce, task: Task, flying: Flying, bring: bool = False) -> None:
        needed = None if task.needs is None else self.found[task.needs.key]
        flying[sent.submit(carry_out, self.run, task, needed, bring=bring)] = task

    def count_death(self, flying: Collection[Task], error: BrokenExecutor) -> None:
        """Any task in flight may have killed the worker; TaskFailed at the third death of one."""
        self.deaths.update(task.key for task in flying)
        for task in flying:
            if self.deaths[task.key] == DEATHS:
                raise TaskFailed(
                    f"{task.label}: a worker died while it ran, three times; too little memory?"
                ) from error


def failed(future: Future[Any]) -> bool:
    return future.cancelled() or future.exception() is not None


def outcome(future: Future[Any], task: Task) -> Any:
    """The result of a task that is done; otherwise an error that names the task."""
    try:
        return future.result()
    except BrokenExecutor:
        raise
    except CancelledError as error:  # by nobody here: the scheduler is gone
        raise ConnectionError(
            f"scheduler: lost while {task.label} was in flight; what is done is kept"
        ) from error
    except Exception as error:
        raise TaskFailed(f"{task.label}: {type(error).__name__}: {error}") from error
