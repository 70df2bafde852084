"""Shares the parts of a pass between threads, and keeps BLAS on the thread that calls it.

A thread takes the next part when it is free, so one on a busy core takes fewer, and no thread
spins while it waits. The parts do not depend on the number of threads: neither do the bits.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba

PARTS = 8  # of a large pass
LEAST = 250_000  # multiplications of a part, at least: fewer take less time than to hand them over


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
