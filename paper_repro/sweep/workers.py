"""Where tasks run: in this process, in processes of this machine, on a Dask cluster.

Each of the three is a function that returns a context manager with a concurrent.futures.Executor.
Left by an error or Ctrl-C, it does not wait for what is in flight.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from hgref.arguments import as_count

ANSWERS_WITHIN = 10  # seconds: a scheduler, and its first worker

Start = Callable[[], AbstractContextManager[Executor]]


# --- this process ---


class AtOnce(Executor):
    """Runs a task where it is submitted."""

    _max_workers = 1

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def in_turn() -> Iterator[Executor]:
    """This process, one task after the other."""
    yield AtOnce()


# --- processes ---


class Processes(ProcessPoolExecutor):
    """Processes in which Ctrl-C does nothing: it is for the caller to end them."""

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        with deaf_children():
            return super().submit(function, *arguments, **options)

    def kill(self) -> None:
        """End all of them at once, whatever they do."""
        for process in list((self._processes or {}).values()):
            process.kill()
        self.shutdown(wait=True, cancel_futures=True)


@contextmanager
def processes(count: int) -> Iterator[Executor]:
    """So many processes of this machine, started afresh: Numba's threads do not survive a fork."""
    spawn = multiprocessing.get_context("spawn")
    executor = Processes(as_count("workers", count, 1), mp_context=spawn, initializer=begin)
    try:
        yield executor
    except BaseException:
        executor.kill()
        raise
    executor.shutdown()


@contextmanager
def deaf_children() -> Iterator[None]:
    """Processes started here have SIGINT blocked from the first; where signals can be blocked."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin() -> None:
    """First of all in a process: Ctrl-C does nothing, and it does not outlive its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """A pool's worker whose parent was killed would wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


# --- a cluster ---


def cluster(address: str) -> Start:
    """The workers of the Dask cluster whose scheduler is at an address.

    Raises   ModuleNotFoundError without the extra `dask`; from what is returned, ConnectionError
             where no scheduler answers or where it has no workers
    Beware   they need hgref and paper_repro with the same sources as here
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
        with client_at(distributed, address) as client:
            executor = client.get_executor(pure=False)
            try:
                yield executor
            finally:
                executor.shutdown(wait=False)

    return connected


def client_at(distributed: Any, address: str) -> Any:
    """A client of a scheduler that has workers."""
    try:
        client = distributed.Client(address, timeout=ANSWERS_WITHIN, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"scheduler: expected the address of a Dask scheduler, such as tcp://HOST:8786, "
            f"found none that answers at {address!r} ({error})"
        ) from error
    try:
        client.wait_for_workers(1, timeout=ANSWERS_WITHIN)
    except Exception as error:
        client.close()
        raise ConnectionError(
            f"scheduler: expected workers at {address!r}, found none within "
            f"{ANSWERS_WITHIN} seconds ({type(error).__name__})"
        ) from error
    except BaseException:
        client.close()
        raise
    return client
