"""Shares the parts of a pass between threads, and keeps BLAS on the thread that calls it.

A thread takes the next part when it is free, so one on a busy core takes fewer, and no thread
spins while it waits. The parts do not depend on the number of threads: neither do the bits.

    each     in Python: calls a function for each part
    shared   in compiled code: calls a function once a thread, which asks `taken` for its next part
"""

from __future__ import annotations

import functools
import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

PARTS = 8  # of a large pass
LEAST = 250_000  # multiplications of a part, at least: fewer take less time than to hand them over
LOCK = threading.Lock()


def parts(work: int) -> int:
    """The number of parts of a pass of so many multiplications."""
    return max(1, min(PARTS, work // LEAST))


def bounds(size: int, count: int) -> list[tuple[int, int]]:
    """(first, last + 1) of each of `count` nearly equal parts of a range."""
    ends = [size * q // count for q in range(count + 1)]
    return list(itertools.pairwise(ends))


@functools.cache
def helpers(process: int, count: int) -> ThreadPoolExecutor:
    """Threads beside the calling one; a forked process has none of its parent's."""
    return ThreadPoolExecutor(count, thread_name_prefix="hgref")


def each(task: Callable[..., None], arguments: list[tuple[Any, ...]]) -> None:
    """Call the task with each of the arguments, on numba.get_num_threads() threads."""
    threads = min(numba.get_num_threads(), len(arguments)) if len(arguments) > 1 else 1
    waiting = iter(arguments)

    def work() -> None:
        for one in waiting:
            task(*one)

    if threads == 1:
        return work()
    executor = helpers(os.getpid(), threads - 1)
    asked = [executor.submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        for future in asked:
            if not future.cancel():  # it has begun
                future.result()


@intrinsic
def next_of(context, counter):
    """counter[0], which is then one more, whichever thread asks."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        one = context.get_constant(types.int64, 1)
        return builder.atomic_rmw("add", array.data, one, "monotonic")

    return types.int64(counter), emit


def plain_next(counter):
    """`next_of` in Python, for code that is not compiled."""
    with LOCK:
        counter[0] += 1
        return counter[0] - 1


taken: Any = plain_next if numba.config.DISABLE_JIT else next_of  # type: ignore[attr-defined]


def shared(task: Callable[..., None], count: int, *arguments: Any) -> None:
    """Call task(counter, *arguments) on as many threads as `count` parts may keep busy."""
    counter = np.zeros(1, np.int64)
    each(task, [(counter, *arguments)] * min(count, numba.get_num_threads()))
