"""The data matrix of a model: dense or sparse, in mini-batches, centred without becoming dense."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, asarray, require_shape, where_not_finite

# OpenBLAS has a fast path for products of fewer than a million multiplications. For a product with
# few columns, rows are processed in blocks small enough for it, unless a block would have so few
# rows that it is slow. Products with many columns are fast as a whole.
SMALL_PRODUCT, LEAST_ROWS, FEW_COLUMNS = 900_000, 32, 64


class Features:
    """The rows x_i − c of X that each step uses.

    X        (n, N) array or any scipy.sparse matrix (kept as CSR)
    centre   c: None for 0, True for the mean row of X, or an (N,) array (the training mean, for
             validation data). It enters as a rank-one correction: sparse stays sparse.
    batches  (T, B) integers: step t uses the rows batches[t-1]; None: all rows at every step
    """

    def __init__(self, X: Any, centre: Any = None, batches: Any = None):
        self.sparse = hasattr(X, "tocsr")
        self.X = as_rows(X) if self.sparse else as_array("X", X, ("n", "features"))
        self.n, self.N = self.X.shape
        if self.n == 0:
            raise ValueError(f"X: expected at least one row, found shape {self.X.shape}")
        self.centre = self.read_centre(centre)
        self.batches = None if batches is None else read_batches(batches, self.n)
        self.B = self.n if self.batches is None else self.batches.shape[1]  # rows in a step

    def read_centre(self, centre: Any) -> Array | None:
        if centre is None or centre is False:
            return None
        if centre is True:
            return np.asarray(self.X.mean(axis=0)).reshape(-1)
        return as_array("centre", centre, (self.N,))

    def rows(self, t: int) -> Any:
        """Indices of the examples of step t."""
        return slice(None) if self.batches is None else self.batches[t - 1]

    def seen(self, t: int) -> Rows:
        """The rows of step t; a mini-batch is copied at each call."""
        return Rows(self.X if self.batches is None else self.X[self.batches[t - 1]], self.centre)


class Rows:
    """Rows x_i − c, with the two products that a model needs.

        times(V)    (X − 1cᵀ) Vᵀ    = X Vᵀ − 1 (V c)ᵀ                  (B, k)
        pull(R)     Rᵀ(X − 1cᵀ)     = Rᵀ X − (Rᵀ1) cᵀ                  (k, N)

    X        (B, N) dense or CSR;  centre: c (N,), or None
    Cost     one product with X each
    """

    def __init__(self, X: Any, centre: Array | None):
        self.X, self.centre, self.sparse = X, centre, hasattr(X, "tocsr")

    def times(self, V: Array) -> Array:
        if self.sparse:
            product = self.X @ V.T
        else:  # columns are contiguous, which is the fast order for BLAS and for sums over outputs
            product = np.concatenate([V @ self.X[rows].T for rows in self.blocks(len(V))], axis=1).T
        return product if self.centre is None else product - V @ self.centre

    def pull(self, R: Array) -> Array:
        if self.sparse:
            product = (self.X.T @ R).T
        else:
            product = sum(R[rows].T @ self.X[rows] for rows in self.blocks(R.shape[1]))
        return product if self.centre is None else product - np.outer(R.sum(axis=0), self.centre)

    def blocks(self, columns: int) -> list[slice]:
        """Blocks of rows for a product with that many columns."""
        n, N = self.X.shape
        size = SMALL_PRODUCT // max(N * columns, 1) // 8 * 8
        if columns > FEW_COLUMNS or size < LEAST_ROWS or size >= n:
            return [slice(0, n)]
        return [slice(first, first + size) for first in range(0, n, size)]


def as_rows(X: Any) -> Any:
    X = X.tocsr()
    require_shape("X", X.shape, ("n", "features"))
    try:
        X.check_format(full_check=True)  # compiled code reads where the indices say
    except ValueError as error:
        raise ValueError(
            f"X: expected a sparse matrix in order, found one in which {error}"
        ) from error
    if X.dtype.kind in "biuf":
        X = X.astype(float)
    bad = where_not_finite(X.data)
    if bad is not None:
        row = int(np.searchsorted(X.indptr, bad[0], side="right")) - 1
        index = (row, int(X.indices[bad[0]]))
        raise ValueError(f"X: expected finite numbers, found {X.data[bad]} at index {index}")
    return X


def read_batches(batches: Any, n: int) -> Array:
    table = asarray("batches", batches)
    if table.dtype.kind not in "iu":
        raise TypeError(f"batches: expected a (T, B) table of integers, found dtype {table.dtype}")
    require_shape("batches", table.shape, ("T", "B"))
    if table.shape[1] == 0:
        raise ValueError(f"batches: expected at least one example in a step, found {table.shape}")
    if table.size and (table.min() < 0 or table.max() >= n):
        raise ValueError(
            f"batches: expected row numbers from 0 to {n - 1}, found {table.min()} to {table.max()}"
        )
    return table
