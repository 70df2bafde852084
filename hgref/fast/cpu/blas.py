"""BLAS on one thread while the passes over the data have threads of their own.

Threads inside of threads wait for each other; and a BLAS thread that has nothing to do goes on
asking for work for a tenth of a second, on a core that the passes want. The package threadpoolctl
can tell BLAS so; without it large products are left to BLAS's threads, and the rest of a pass to
one.
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
    """The BLAS libraries that are loaded; among them the one that compiled code calls."""
    import scipy.linalg.cython_blas  # noqa: F401 - loads it

    return threadpoolctl.ThreadpoolController()


def alone(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, during which every BLAS call stays on the thread that made it."""
    if not can_be_told():
        return function

    @functools.wraps(function)
    def limited(*args: P.args, **options: P.kwargs) -> R:
        with libraries().limit(limits=1, user_api="blas"):
            return function(*args, **options)

    return limited
