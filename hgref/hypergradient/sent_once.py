"""Sends shared data to each worker once, keyed by its hash.

A worker keeps an object under the hash of its pickled bytes. Every task carries the hash. A task
carries the bytes only if no earlier task on that executor did, or if a worker replied that it does
not have the object.
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

KEPT = 2  # how many objects a worker keeps
LACKING = None  # returned by a task whose worker does not have the object

REMEMBERED: dict[str, Any] = {}  # on a worker: {hash: object}
BROUGHT: WeakKeyDictionary[Executor, set[str]] = WeakKeyDictionary()  # on the caller: hashes sent


class SentOnce:
    """An object that tasks on an executor share.

    executor  a concurrent.futures.Executor
    thing     the object; pickle must be able to write it
    what      a name for it in error messages
    Raises    TypeError if `executor` is not an executor, or `thing` cannot be pickled
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
                f"executor: {what} cannot be sent to other processes ({error}); its functions "
                f"must be defined at the top level of a module, not lambdas"
            ) from error
        known = BROUGHT.setdefault(executor, set())
        self.bring = self.name not in known
        known.add(self.name)

    @functools.cached_property
    def data(self) -> bytes:
        """The pickled object, made only if it is sent."""
        return pickle.dumps(self.thing, protocol=5)

    def submit(self, function: Callable[..., Any], *arguments: Any, bring: bool = False) -> Any:
        """The future of `function(thing, *arguments)`, run on a worker with one thread.

        bring    True sends the bytes in any case: for repeating a task that returned LACKING
        """
        data = self.data if self.bring or bring else None
        with warnings.catch_warnings():  # Dask warns about large tasks; only the first is large
            warnings.filterwarnings("ignore", "Sending large graph")
            return self.executor.submit(on_worker, self.name, data, function, arguments)


class Hashed:
    """A file that stores only the hash of what is written to it."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()  # fast: most processors have instructions for it

    def write(self, data: Any) -> int:
        self.hash.update(data)
        return memoryview(data).nbytes


def name_of(thing: Any) -> str:
    """The hash of the pickled object, computed without holding all of its bytes in memory."""
    file = Hashed()
    pickle.Pickler(file, protocol=5).dump(thing)
    return file.hash.hexdigest()


def lacking(future: Future[Any]) -> bool:
    """Whether a finished task did not run because its worker lacked the object."""
    done = not future.cancelled() and future.exception() is None
    return done and future.result() is LACKING


def workers_of(executor: Executor) -> int:
    """How many tasks an executor runs at once; the number of cores if it does not say."""
    client = getattr(executor, "_client", None)  # Dask's
    if client is not None:
        return max(1, sum(client.nthreads().values()))
    return int(getattr(executor, "_max_workers", None) or os.cpu_count() or 1)


# --- on a worker ---


def on_worker(
    name: str, data: bytes | None, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> Any:
    """Run a task; return LACKING if this worker does not have the object and was not sent it."""
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
    """Limit BLAS, OpenMP and compiled loops to one thread, as there is one worker for each core."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ModuleNotFoundError(
            "executor: needs the package threadpoolctl, which limits each worker to one thread: "
            "python -m pip install threadpoolctl"
        ) from error
    numba = sys.modules.get("numba")  # already imported if the task's function uses it
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
