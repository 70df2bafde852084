"""FORWARD-HG on many workers: Z's columns are independent of each other.

    Z = (Z¹ Z² … Zⁿ),   Zⁱ_t = A_t Zⁱ_{t-1} + Bⁱ_t                              eq. (14)

A span of columns is a task on any concurrent.futures.Executor: ProcessPoolExecutor, Dask's
Client.get_executor(), mpi4py.futures. Every worker runs the training itself: one step costs as much
as one column or two, whereas the states of all steps, T d numbers, would have to be sent.

The problem with its data goes to each worker once. It is kept there under a name made of its bytes;
a task brings the name along, and the bytes only where no task on that executor has brought them yet
or where the worker answers that it does not know the name.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, as_completed
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from hgref.arguments import as_count
from hgref.layout import Columns
from hgref.problem import Diverged, Hypergradient, Problem

KEPT = 2  # problems that a worker remembers

Carry = Callable[..., Hypergradient]
Progress = Callable[[Iterable[Any]], Iterable[Any]]
REMEMBERED: dict[str, Problem] = {}  # on a worker
BROUGHT: WeakKeyDictionary[Executor, set[str]] = WeakKeyDictionary()  # names, by the caller


def across(
    executor: Executor,
    carry: Carry,
    problem: Problem,
    lam: Any,
    columns: Columns,
    partials: bool,
    workers: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Hypergradient:
    """`carry(problem, lam, columns, partials, **options)`, its columns on the executor's workers.

    Raises   what a worker raises, the span of columns noted; RuntimeError with the span where the
             worker was lost; TypeError for what cannot be sent. Tasks that wait are cancelled
    """
    spans = columns.among(workers_of(executor, workers))
    name, data = packed(problem)
    known = BROUGHT.setdefault(executor, set())
    brings = None if name in known else data

    def ask(span: Columns, data: bytes | None) -> Future[Any]:
        return executor.submit(on_worker, carry, name, data, lam, span, partials, options)

    asked = {ask(span, brings): j for j, span in enumerate(spans)}
    known.add(name)
    found: dict[int, Hypergradient] = {}
    try:
        arriving = arrivals(asked, lambda j: ask(spans[j], data))
        for j, future in arriving if progress is None else progress(Sized(arriving, len(spans))):
            found[j] = result_of(future, spans[j])
    finally:
        for future in asked:
            future.cancel()
    return together([found[j] for j in range(len(spans))], columns)


def arrivals(
    asked: dict[Future[Any], int], again: Callable[[int], Future[Any]]
) -> Iterator[tuple[int, Future[Any]]]:
    """(number, future) of each task as it is done; asked again, with data, where it had none."""
    waiting = dict(asked)
    while waiting:
        lacking = []
        for future in as_completed(waiting):
            if future.exception() is None and future.result() is None:
                lacking.append(waiting[future])
            else:
                yield waiting[future], future
        waiting = {again(j): j for j in lacking}
        asked.update(waiting)


class Sized:
    """An iterator with a length, so that a progress bar knows its end."""

    def __init__(self, items: Iterator[Any], length: int):
        self.items, self.length = items, length

    def __iter__(self) -> Iterator[Any]:
        return self.items

    def __len__(self) -> int:
        return self.length


def workers_of(executor: Executor, workers: int | None) -> int:
    """The number of spans: what was asked for, else the executor's workers, else the cores."""
    if workers is not None:
        return as_count("workers", workers, 1)
    if not hasattr(executor, "submit"):
        raise TypeError(
            f"executor: expected a concurrent.futures.Executor, found {type(executor).__name__}"
        )
    client = getattr(executor, "_client", None)  # Dask's
    if client is not None:
        return max(1, sum(client.nthreads().values()))
    return int(getattr(executor, "_max_workers", None) or os.cpu_count() or 1)


def packed(problem: Problem) -> tuple[str, bytes]:
    """(name, bytes) of a problem."""
    try:
        data = pickle.dumps(problem, protocol=5)
    except Exception as error:
        raise TypeError(
            f"executor: the problem cannot be sent to other processes ({error}); functions in it "
            f"have to be defined at the top of a module, not lambdas"
        ) from error
    return hashlib.blake2b(data, digest_size=16).hexdigest(), data


def on_worker(
    carry: Carry,
    name: str,
    data: bytes | None,
    lam: Any,
    columns: Columns,
    partials: bool,
    options: dict[str, Any],
) -> Hypergradient | None:
    """A task, on a worker; None: it does not know the problem and was not brought it."""
    if name not in REMEMBERED:
        if data is None:
            return None
        REMEMBERED[name] = pickle.loads(data)
        for old in list(REMEMBERED)[:-KEPT]:
            del REMEMBERED[old]
    with one_thread():
        g = carry(REMEMBERED[name], lam, columns, partials, **options)
    s_T = g.s_T if columns.first == 0 else np.zeros(0)  # one of them is enough to send back
    return Hypergradient(g.f, g.grad, s_T, g.layout, g.partials)


def one_thread() -> Any:
    """BLAS and OpenMP on one thread: there are as many workers as cores."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ModuleNotFoundError(
            "executor: expected the package threadpoolctl, which keeps workers from taking each "
            "other's cores, found none; python -m pip install threadpoolctl"
        ) from error
    return threadpool_limits(1)


def result_of(future: Future[Any], span: Columns) -> Hypergradient:
    """What a task returned; what it raised, with its span."""
    try:
        return future.result()
    except (Diverged, ValueError, TypeError, ModuleNotFoundError):
        raise  # as without workers
    except Exception as error:
        raise RuntimeError(f"executor: {span} failed on a worker: {error!r}") from error


def together(found: list[Hypergradient], columns: Columns) -> Hypergradient:
    """One hypergradient of those of all spans."""
    first = found[0]
    grad = np.concatenate([g.grad for g in found])
    paths = [g.partials for g in found if g.partials is not None]
    partials = np.concatenate(paths, axis=1) if paths else None
    return Hypergradient(first.f, grad, first.s_T, columns.layout, partials)
