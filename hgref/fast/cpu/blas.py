"""Keeps BLAS on one thread while the passes over the data use several threads.

Nested threads wait for each other, and an idle BLAS thread polls for work for a tenth of a second,
on a core that the passes need. The package threadpoolctl limits BLAS. Without it, large products
run on BLAS's threads, and the rest of a pass on one thread.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

try:
    import threadpoolctl
except ImportError:
    threadpoolctl = None

P = ParamSpec("P")
R = TypeVar("R")


def can_be_told() -> bool:
    return threadpoolctl is not None


@functools.cache
def libraries() -> Any:
    """The loaded BLAS libraries, including the one that compiled code calls."""
    import scipy.linalg.cython_blas  # noqa: F401 - loads it

    return threadpoolctl.ThreadpoolController()


def alone(function: Callable[P, R]) -> Callable[P, R]:
    """The function, with every BLAS call kept on the thread that makes it."""
    if not can_be_told():
        return function

    @functools.wraps(function)
    def limited(*args: P.args, **options: P.kwargs) -> R:
        with libraries().limit(limits=1, user_api="blas"):
            return function(*args, **options)

    return limited
