"""The data matrix of a model: dense or sparse, mini-batches, centred without filling in."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, asarray, require_shape, where_not_finite


class Features:
    """Rows x_i − c of X, at step t those of its mini-batch: the two products that a model needs.

        times(t, V)    (X_t − 1cᵀ) Vᵀ       = X_t Vᵀ − 1 (V c)ᵀ           (B, k)
        pull(t, R)     Rᵀ(X_t − 1cᵀ)        = Rᵀ X_t − (Rᵀ1) cᵀ           (k, N)

    X        (n, N) array or any scipy.sparse matrix (kept as CSR)
    centre   c: None for 0, True for the mean row of X, or an (N,) array (the training mean, for
             validation data). It enters as a rank-one correction: sparse stays sparse.
    batches  (T, B) integers: step t sees the rows batches[t-1]; None: all rows at every step
    Cost     one product with X_t each, and the gathering of the rows where there are batches
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
        """Which examples step t sees."""
        return slice(None) if self.batches is None else self.batches[t - 1]

    def seen(self, t: int) -> Any:
        return self.X if self.batches is None else self.X[self.batches[t - 1]]

    def times(self, t: int, V: Array) -> Array:
        X = self.seen(t)
        product = X @ V.T if self.sparse else (V @ X.T).T  # the faster order for BLAS
        return product if self.centre is None else product - V @ self.centre

    def pull(self, t: int, R: Array) -> Array:
        X = self.seen(t)
        product = (X.T @ R).T if self.sparse else R.T @ X
        return product if self.centre is None else product - np.outer(R.sum(axis=0), self.centre)


def as_rows(X: Any) -> Any:
    X = X.tocsr()
    require_shape("X", X.shape, ("n", "features"))
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
        raise ValueError(f"batches: expected at least one example a step, found {table.shape}")
    if table.size and (table.min() < 0 or table.max() >= n):
        raise ValueError(
            f"batches: expected row numbers from 0 to {n - 1}, found {table.min()} to {table.max()}"
        )
    return table
