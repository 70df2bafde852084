"""Where tasks run: in this process, in processes of this machine, on a Dask cluster.

Each is a concurrent.futures.Executor and a context manager. Left by an error or Ctrl-C, it does not
wait for the tasks in flight.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from hgref.arguments import as_count

ANSWERS_WITHIN = 10  # seconds: a scheduler, and its first worker

Start = Callable[[], AbstractContextManager[Executor]]


class InTurn(Executor):
    """This process: runs a task where it is submitted."""

    _max_workers = 1

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future

    def map(self, fn: Any, *iterables: Any, **options: Any) -> Iterator[Any]:
        """Each result when it is asked for."""
        return map(fn, *iterables)


class Processes(ProcessPoolExecutor):
    """So many processes of this machine, in which Ctrl-C does nothing: the caller ends them."""

    def __init__(self, count: int):
        spawn = multiprocessing.get_context("spawn")  # Numba's threads do not survive a fork
        super().__init__(as_count("workers", count, 1), mp_context=spawn, initializer=begin)

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        if not hasattr(signal, "pthread_sigmask"):  # Windows
            return super().submit(function, *arguments, **options)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # children inherit it
        try:
            return super().submit(function, *arguments, **options)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def __exit__(self, kind: type[BaseException] | None, *about: Any) -> None:
        if kind is not None:
            for process in list((self._processes or {}).values()):
                process.kill()
        self.shutdown(cancel_futures=True)


def begin() -> None:
    """First of all in a process: ignore Ctrl-C, take one core, and end when the parent ends."""
    import numba
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    numba.set_num_threads(1)
    threadpool_limits(1, "blas")
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """A process whose parent was killed would wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def cluster(address: str) -> Start:
    """The workers of the Dask cluster whose scheduler is at an address.

    Raises   ModuleNotFoundError without the extra `dask`; on entering the context, ConnectionError
             where no scheduler answers or where it has no workers
    Beware   workers need hgref and paper_repro with the same sources as here
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "scheduler: expected the package distributed, found none; "
            'python -m pip install -e ".[dask]"'
        ) from error

    @contextmanager
    def connected() -> Iterator[Executor]:
        expected = "a Dask scheduler"
        with ExitStack() as stack:
            try:
                client = distributed.Client(address, timeout=ANSWERS_WITHIN, set_as_default=False)
                stack.enter_context(client)
                expected = "workers"
                client.wait_for_workers(1, timeout=ANSWERS_WITHIN)
            except Exception as error:
                raise ConnectionError(
                    f"scheduler: expected {expected} at {address!r}, such as tcp://HOST:8786, "
                    f"found none within {ANSWERS_WITHIN} seconds ({type(error).__name__}: {error})"
                ) from error
            yield client.get_executor(pure=False)

    return connected
