"""Keeps BLAS on one thread while the parts of a network's pass use several threads.

Nested threads wait for each other, and an idle BLAS thread polls for work for a tenth of a second,
on a core that the passes need. The package threadpoolctl limits BLAS; without it they are slower.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

try:
    import threadpoolctl
except ImportError:
    threadpoolctl = None

P = ParamSpec("P")
R = TypeVar("R")


@functools.cache
def libraries() -> Any:
    """The loaded BLAS libraries, NumPy's among them."""
    return threadpoolctl.ThreadpoolController()


class Limit:
    """One BLAS thread inside a call; afterwards as many as before the first of overlapping calls.

    Some builds of BLAS have one number of threads for the process, others one for each thread:
    every thread sets it for itself, and restores what the first call found.
    """

    def __init__(self) -> None:
        self.lock, self.inside = threading.Lock(), 0
        self.first: Any = None  # knows the numbers before the first of the overlapping calls
        self.of_thread = threading.local()

    def __enter__(self) -> None:
        self.of_thread.depth = getattr(self.of_thread, "depth", 0) + 1
        if self.of_thread.depth > 1:
            return
        with self.lock:
            limiter = libraries().limit(limits=1, user_api="blas")
            self.first = limiter if self.inside == 0 else self.first
            self.inside += 1

    def __exit__(self, *error: object) -> None:
        self.of_thread.depth -= 1
        if self.of_thread.depth > 0:
            return
        with self.lock:
            self.inside -= 1
            self.first.restore_original_limits()


LIMIT = Limit()


def alone(function: Callable[P, R]) -> Callable[P, R]:
    """The function, with every BLAS call kept on the thread that makes it."""
    if threadpoolctl is None:
        return function

    @functools.wraps(function)
    def limited(*args: P.args, **options: P.kwargs) -> R:
        with LIMIT:
            return function(*args, **options)

    return limited
