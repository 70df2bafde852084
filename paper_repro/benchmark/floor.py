"""The least that a step of P1 can do: its four thin products with X, by BLAS and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import prange

from hgref.arguments import Array
from paper_repro.benchmark.problems import Case

BLOCK = 64  # rows: OpenBLAS is quick at products this small
SQUARE = 1500


def products(case: Case, dtype: Any, how: str) -> Callable[[], None]:
    """For T steps: X Wᵀ and Rᵀ X on the way there, X Aᵀ and Rᵀ X on the way back.

    how      "whole": each product in one call of NumPy's BLAS, with BLAS's own threads;
             "in blocks": of 64 rows, a block's two products one after the other, while its rows are
             in the cache; the blocks on threads, compiled, so that Python takes no time between
    """
    part: Any = next(case.problem.dynamics.J.terms())
    X = np.ascontiguousarray(part.features.X, dtype=dtype)
    W = np.ones((part.outputs, X.shape[1]), dtype)
    passes = 2 * case.problem.T
    return whole(X, W, passes) if how == "whole" else in_blocks(X, W, passes)


def whole(X: Array, W: Array, passes: int) -> Callable[[], None]:
    Z, G = np.empty((len(W), len(X)), X.dtype), np.empty_like(W)

    def run() -> None:
        for _ in range(passes):
            np.matmul(W, X.T, out=Z)  # the quicker order
            np.matmul(Z, X, out=G)

    return run


def in_blocks(X: Array, W: Array, passes: int) -> Callable[[], None]:
    turned, threads = np.ascontiguousarray(W.T), numba.get_num_threads()

    def run() -> None:
        passes_over(X, turned, passes, BLOCK, threads)

    return run


@numba.njit(cache=True, parallel=True)
def passes_over(X, turned, passes, rows, threads):
    """Each thread's blocks of rows, so many times: R ← x Wᵀ, then Rᵀ x."""
    sums = np.zeros((threads, turned.shape[1], turned.shape[0]), X.dtype)
    for _ in range(passes):
        for q in prange(threads):
            for first in range(q * rows, len(X), threads * rows):
                x = X[first : first + rows]
                sums[q] = np.dot(np.dot(x, turned).T, x)
    return sums


def square_rate(dtype: str, repeats: int = 5) -> float:
    """10⁹ operations a second of BLAS on square matrices: what the processor can do."""
    A = np.ones((SQUARE, SQUARE), dtype)
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        A @ A
        seconds.append(time.perf_counter() - started)
    return 2 * SQUARE**3 / min(seconds) / 1e9
