"""FORWARD-HG on many workers: the columns of Z are independent of each other.

    Z = (Z¹ Z² … Zⁿ),   Zⁱ_t = A_t Zⁱ_{t-1} + Bⁱ_t                              eq. (14)

A span of columns is a task on any concurrent.futures.Executor: ProcessPoolExecutor, Dask's
Client.get_executor(), mpi4py.futures. Every worker runs the training itself: a step costs only as
much as one or two columns, while the states of all steps are T d numbers to send. The problem with
its data is sent to each worker once: see `hgref.hypergradient.sent_once`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, as_completed
from typing import Any

import numpy as np

from hgref.arguments import as_count
from hgref.hypergradient.sent_once import SentOnce, lacking, workers_of
from hgref.layout import Columns
from hgref.problem import Diverged, Hypergradient, Problem

Carry = Callable[..., Hypergradient]
Progress = Callable[[Iterable[Any]], Iterable[Any]]


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

    Raises   what a worker raises, with the span of columns in the message; RuntimeError with the
             span if a worker was lost; TypeError for what cannot be sent. Waiting tasks are
             cancelled
    """
    sent = SentOnce(executor, problem, "the problem")
    parts = workers_of(executor) if workers is None else as_count("workers", workers, 1)
    spans = columns.among(parts)

    def ask(j: int, bring: bool = False) -> Future[Any]:
        return sent.submit(of_span, carry, lam, spans[j], partials, options, bring=bring)

    asked = {ask(j): j for j in range(len(spans))}
    found: dict[int, Hypergradient] = {}
    try:
        arriving = arrivals(asked, lambda j: ask(j, bring=True))
        for j, future in arriving if progress is None else progress(Sized(arriving, len(spans))):
            found[j] = result_of(future, spans[j])
    finally:
        for future in asked:
            future.cancel()
    return together([found[j] for j in range(len(spans))], columns)


def arrivals(
    asked: dict[Future[Any], int], again: Callable[[int], Future[Any]]
) -> Iterator[tuple[int, Future[Any]]]:
    """(number, future) of each task once done; a task that lacked data is sent again with it."""
    waiting = dict(asked)
    while waiting:
        without = []
        for future in as_completed(waiting):
            if lacking(future):
                without.append(waiting[future])
            else:
                yield waiting[future], future
        waiting = {again(j): j for j in without}
        asked.update(waiting)


class Sized:
    """An iterator with a length, so that a progress bar knows its end."""

    def __init__(self, items: Iterator[Any], length: int):
        self.items, self.length = items, length

    def __iter__(self) -> Iterator[Any]:
        return self.items

    def __len__(self) -> int:
        return self.length


def of_span(
    problem: Problem,
    carry: Carry,
    lam: Any,
    columns: Columns,
    partials: bool,
    options: dict[str, Any],
) -> Hypergradient:
    """The task that a worker runs."""
    g = carry(problem, lam, columns, partials, **options)
    s_T = g.s_T if columns.first == 0 else np.zeros(0)  # sent back only once
    return Hypergradient(g.f, g.grad, s_T, g.layout, g.partials)


def result_of(future: Future[Any], span: Columns) -> Hypergradient:
    """What a task returned; if it failed, the error names its span."""
    try:
        return future.result()
    except (Diverged, ValueError, TypeError, ModuleNotFoundError):
        raise  # the same error as without workers
    except Exception as error:
        raise RuntimeError(f"executor: {span} failed on a worker: {error!r}") from error


def together(found: list[Hypergradient], columns: Columns) -> Hypergradient:
    """One hypergradient from those of all spans."""
    first = found[0]
    grad = np.concatenate([g.grad for g in found])
    paths = [g.partials for g in found if g.partials is not None]
    partials = np.concatenate(paths, axis=1) if paths else None
    return Hypergradient(first.f, grad, first.s_T, columns.layout, partials)
