"""The least that a step of P1 can do: its four thin products with X, by NumPy's BLAS."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from hgref.arguments import Array
from paper_repro.benchmark.problems import Case

BLOCK = 64  # rows: OpenBLAS is quick at products this small
SQUARE = 1500


def products(case: Case, dtype: Any, how: str) -> Callable[[], None]:
    """For T steps: X Wᵀ and Rᵀ X on the way there, X Aᵀ and Rᵀ X on the way back.

    how      "whole": each product in one call, with BLAS's own threads;
             "in blocks": of 64 rows, a block's two products one after the other, while its rows are
             in the cache; the blocks on as many threads as BLAS would take
    """
    part = next(case.problem.dynamics.J.terms())
    X = np.ascontiguousarray(part.features.X, dtype=dtype)  # type: ignore[attr-defined]
    W = np.ones((part.y.shape[1], X.shape[1]), dtype)  # type: ignore[attr-defined]
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
    threads = blas_threads()
    turned = np.ascontiguousarray(W.T)
    blocks = [X[i : i + BLOCK] for i in range(0, len(X), BLOCK)]

    def share(first: int) -> None:
        R, G = np.empty((BLOCK, len(W)), X.dtype), np.empty_like(W)
        for _ in range(passes):
            for rows in blocks[first::threads]:
                r = R[: len(rows)]
                np.matmul(rows, turned, out=r)
                np.matmul(r.T, rows, out=G)

    def run() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(share, range(threads)))

    return run


def blas_threads() -> int:
    """How many threads NumPy's BLAS has."""
    from threadpoolctl import threadpool_info

    return max([1, *(i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas")])


def square_rate(dtype: str, repeats: int = 5) -> float:
    """10⁹ operations a second of BLAS on square matrices: what the processor can do."""
    A = np.ones((SQUARE, SQUARE), dtype)
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        A @ A
        seconds.append(time.perf_counter() - started)
    return 2 * SQUARE**3 / min(seconds) / 1e9
