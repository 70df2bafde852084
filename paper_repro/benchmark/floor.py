"""A lower bound for the time of a step of P1: only its four thin products with X, by BLAS."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import prange

from hgref.arguments import Array
from paper_repro.benchmark.problems import Case

BLOCK = 64  # rows; OpenBLAS is fast at products of this size
SQUARE = 1500


def products(case: Case, dtype: Any, how: str) -> Callable[[], None]:
    """The products of T steps: X Wᵀ and Rᵀ X forwards, X Aᵀ and Rᵀ X backwards.

    how      "whole": each product is one call of NumPy's BLAS, with BLAS's own threads;
             "in blocks": compiled and threaded over blocks of 64 rows; the two products of a block
             follow each other while its rows are in the cache
    """
    part: Any = next(case.problem.dynamics.J.terms())
    X = np.ascontiguousarray(part.features.X, dtype=dtype)
    W = np.ones((part.outputs, X.shape[1]), dtype)
    pairs = 2 * case.problem.T  # of products: one pair forwards and one backwards in each step
    return whole(X, W, pairs) if how == "whole" else in_blocks(X, W, pairs)


def whole(X: Array, W: Array, pairs: int) -> Callable[[], None]:
    Z, G = np.empty((len(W), len(X)), X.dtype), np.empty_like(W)

    def run() -> None:
        for _ in range(pairs):
            np.matmul(W, X.T, out=Z)  # faster than X @ W.T
            np.matmul(Z, X, out=G)

    return run


def in_blocks(X: Array, W: Array, pairs: int) -> Callable[[], None]:
    W_T, threads = np.ascontiguousarray(W.T), numba.get_num_threads()

    def run() -> None:
        pairs_of_products(X, W_T, pairs, BLOCK, threads)

    return run


@numba.njit(cache=True, parallel=True)
def pairs_of_products(X, W_T, pairs, rows, threads):
    """R ← x Wᵀ, then Rᵀ x, for each block x of `rows` rows; all of it `pairs` times."""
    sums = np.zeros((threads, W_T.shape[1], W_T.shape[0]), X.dtype)
    for _ in range(pairs):
        for q in prange(threads):
            for first in range(q * rows, len(X), threads * rows):
                x = X[first : first + rows]
                sums[q] = np.dot(np.dot(x, W_T).T, x)
    return sums


def square_rate(dtype: str, repeats: int = 5) -> float:
    """Gflop/s of BLAS on square matrices, about the peak of the processor."""
    A = np.ones((SQUARE, SQUARE), dtype)
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        A @ A
        seconds.append(time.perf_counter() - started)
    return 2 * SQUARE**3 / min(seconds) / 1e9
