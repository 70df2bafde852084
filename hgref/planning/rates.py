"""How quick a machine is at what a hypergradient is made of."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hgref.arguments import Array

# Blocks whose products stay on one thread of BLAS and in its cache; all of them do not.
BLOCKS, ROWS, WIDTH = 32, 64, 784
COLUMNS = 4, 64  # of a panel: two points of a line
WEIGHTS = 100_000
ARRAYS = 18  # that the loops of a step read and write for each weight and column, about
TIMES = 5
# What hgref.fast.cpu takes beside NumPy and SciPy, by least squares from 176 timings of eleven
# problems, on one thread and on two; 97 of 100 were then predicted to a half.
READ, MULTIPLIED, VISITED, LOOPED = 1.1, 1.2, 0.5, 1.2


@dataclass(frozen=True)
class Rates:
    """Seconds on one thread, and how many threads there are.

    entry     for each number of a dense X in a product, however many columns the panel has
    product   for each multiplication in it
    sparse_entry, sparse_product   likewise of a sparse X
    weight    for each weight and column in the loops of a step
    small     for a pass over a few data besides;  threaded: for one that runs on threads
    call      for a hypergradient besides;  copied: for a byte that is stored anew
    sent      for a byte that goes to a worker;  task: for it to begin and to answer
    threads   of the compiled passes
    """

    entry: float
    product: float
    sparse_entry: float
    sparse_product: float
    weight: float
    small: float = 0.9e-6
    threaded: float = 35e-6
    call: float = 2e-3
    copied: float = 1e-9
    sent: float = 2e-9
    task: float = 5e-3
    threads: int = 1

    def on(self, threads: int) -> Rates:
        """The same with so many threads."""
        return replace(self, threads=threads)

    def a_number(self, columns: float, sparse: bool) -> float:
        """For a number of X and all that it is multiplied by."""
        if sparse:
            return self.sparse_entry + columns * self.sparse_product
        return self.entry + columns * self.product


@functools.cache
def measured(itemsize: int = 8) -> Rates:
    """Those of this machine, on one thread.

    itemsize  bytes of a number in the products with the data: 8 or 4
    returns   Rates
    Cost      half a second, the first time for each itemsize: products and loops of NumPy and SciPy
    Beware    hgref.fast.cpu is not run: what it takes beside NumPy was measured once, elsewhere
    """
    import scipy.sparse

    random = np.random.default_rng(0)
    X = random.standard_normal((BLOCKS, ROWS, WIDTH)).astype(f"f{itemsize}")
    thinned = np.where(abs(X) > 1.4, X, 0).reshape(-1, WIDTH)  # a sixth of them
    S = scipy.sparse.csr_matrix(thinned)
    St = S.T.tocsr()
    dense = through(lambda columns: shortest(dense_products, X, columns) / X.size)
    sparse = through(lambda columns: shortest(sparse_products, S, St, columns) / S.nnz)
    weight = shortest(loops, [np.ones(WEIGHTS) for _ in range(ARRAYS)]) / WEIGHTS
    return Rates(
        entry=READ * dense[0],
        product=MULTIPLIED * dense[1],
        sparse_entry=VISITED * sparse[0],
        sparse_product=VISITED * sparse[1],
        weight=LOOPED * weight,
    )


def through(seconds: Callable[[int], float]) -> tuple[float, float]:
    """(a, b) of a line a + b·columns, for one of two products; b·many is half of it at least."""
    few, many = (seconds(columns) / 2 for columns in COLUMNS)
    most = many / COLUMNS[1]
    slope = min(max((many - few) / (COLUMNS[1] - COLUMNS[0]), most / 2), most)
    return max(few - slope * COLUMNS[0], 0), slope


def shortest(run: Callable[..., None], *arguments: Any) -> float:
    """Seconds of the quickest of some runs."""
    seconds = []
    for _ in range(TIMES):
        started = time.perf_counter()
        run(*arguments)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def dense_products(X: Array, columns: int) -> None:
    panel = np.ones((WIDTH, columns), X.dtype)
    for x in X:
        (x @ panel).T @ x


def sparse_products(S: Any, transposed: Any, columns: int) -> None:
    transposed @ (S @ np.ones((WIDTH, columns), S.dtype))


def loops(arrays: list[Array]) -> None:
    for a, b, c in zip(arrays[::3], arrays[1::3], arrays[2::3], strict=True):
        np.multiply(a, b, out=c)
