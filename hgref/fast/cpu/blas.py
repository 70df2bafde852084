"""BLAS on one thread while the passes over the data have threads of their own.

Threads inside of threads wait for each other. The package threadpoolctl can tell BLAS so; without
it large products are left to BLAS's threads, and the rest of a pass to one.
"""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager, nullcontext
from typing import Any

try:
    import threadpoolctl
except ImportError:
    threadpoolctl = None


def can_be_told() -> bool:
    return threadpoolctl is not None


@functools.cache
def libraries() -> Any:
    """The BLAS libraries that are loaded; among them the one that compiled code calls."""
    import scipy.linalg.cython_blas  # noqa: F401 - loads it

    return threadpoolctl.ThreadpoolController()


def alone() -> AbstractContextManager[Any]:
    """While this lasts, every BLAS call stays on the thread that made it."""
    return libraries().limit(limits=1, user_api="blas") if can_be_told() else nullcontext()
