"""What many tasks need goes to each worker once.

A thing is kept on a worker under a name made of its bytes; a task brings the name along, and the
bytes only where no task on that executor has brought them yet or where the worker answers that it
does not know the name.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

KEPT = 2  # things that a worker remembers
LACKING = None  # what a task returns that was not brought a thing its worker does not know

REMEMBERED: dict[str, Any] = {}  # on a worker
BROUGHT: WeakKeyDictionary[Executor, set[str]] = WeakKeyDictionary()  # names, by the caller


class SentOnce:
    """A thing, and an executor on which tasks want it.

    executor  a concurrent.futures.Executor
    thing     what pickle can write
    what      it is called so in errors
    Raises    TypeError for what is no executor or cannot be sent
    """

    def __init__(self, executor: Executor, thing: Any, what: str):
        if not hasattr(executor, "submit"):
            raise TypeError(
                f"executor: expected a concurrent.futures.Executor, found {type(executor).__name__}"
            )
        self.executor, self.thing = executor, thing
        try:
            self.name = name_of(thing)
        except Exception as error:
            raise TypeError(
                f"executor: {what} cannot be sent to other processes ({error}); functions in it "
                f"have to be defined at the top of a module, not lambdas"
            ) from error
        known = BROUGHT.setdefault(executor, set())
        self.bring = self.name not in known
        known.add(self.name)

    @functools.cached_property
    def data(self) -> bytes:
        """The thing, pickled: made where it is brought."""
        return pickle.dumps(self.thing, protocol=5)

    def submit(self, function: Callable[..., Any], *arguments: Any, bring: bool = False) -> Any:
        """The future of `function(thing, *arguments)` on a worker, with one thread.

        bring    True: with the thing's bytes in any case, for a task that came back LACKING
        """
        data = self.data if self.bring or bring else None
        with warnings.catch_warnings():  # Dask warns of large tasks; these are large once
            warnings.filterwarnings("ignore", "Sending large graph")
            return self.executor.submit(on_worker, self.name, data, function, arguments)


class Hashed:
    """A file that keeps nothing but a hash of what was written to it."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()  # which processors have instructions for

    def write(self, data: Any) -> int:
        self.hash.update(data)
        return memoryview(data).nbytes


def name_of(thing: Any) -> str:
    """A name made of the bytes that pickle would write, which are nowhere all at once."""
    file = Hashed()
    pickle.Pickler(file, protocol=5).dump(thing)
    return file.hash.hexdigest()


def lacking(future: Future[Any]) -> bool:
    """Whether a task that is done was not carried out for want of the thing."""
    done = not future.cancelled() and future.exception() is None
    return done and future.result() is LACKING


def workers_of(executor: Executor) -> int:
    """How many tasks an executor carries out at once; the cores where it does not tell."""
    client = getattr(executor, "_client", None)  # Dask's
    if client is not None:
        return max(1, sum(client.nthreads().values()))
    return int(getattr(executor, "_max_workers", None) or os.cpu_count() or 1)


# --- on a worker ---


def on_worker(
    name: str, data: bytes | None, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> Any:
    """A task; LACKING: the worker does not know the thing and was not brought it."""
    if name not in REMEMBERED:
        if data is None:
            return LACKING
        REMEMBERED[name] = pickle.loads(data)
        for old in list(REMEMBERED)[:-KEPT]:
            del REMEMBERED[old]
    with one_thread():
        return function(REMEMBERED[name], *arguments)


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS, OpenMP and compiled loops on one thread: there are as many workers as cores."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ModuleNotFoundError(
            "executor: expected the package threadpoolctl, which keeps workers from taking each "
            "other's cores, found none; python -m pip install threadpoolctl"
        ) from error
    numba = sys.modules.get("numba")  # imported with the task's function where that needs it
    with threadpool_limits(1):
        if numba is None:
            yield
            return
        threads = numba.get_num_threads()
        numba.set_num_threads(1)
        try:
            yield
        finally:
            numba.set_num_threads(threads)
