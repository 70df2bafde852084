"""Read a user's own features: X and y in an .npz file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from hgref.arguments import Array, require_shape, where_not_finite


def read_features(path: str | Path) -> tuple[Array, Array]:
    """Read X and y from an .npz file written by numpy.savez; pickled objects are refused.

    path     a file with the arrays X (n, N), real numbers, and y (n,), integers 0 … K - 1, each of
             which must occur
    returns  X float32 and y int64
    Raises   OSError; ValueError for any other content
    Cost     one read; memory as announced by the file
    """
    path = Path(path)
    X, y = read_arrays(path)
    require_shape(f"{path}: X", X.shape, ("n", "N"))
    require_shape(f"{path}: y", y.shape, (len(X),))
    if X.dtype.kind not in "fiub" or y.dtype.kind not in "iu":
        raise ValueError(
            f"{path}: expected real numbers X and integers y, found {X.dtype} and {y.dtype}"
        )
    if not X.size:
        raise ValueError(f"{path}: expected examples with features, found X of shape {X.shape}")
    labels = np.unique(y)
    if len(labels) < 2 or not np.array_equal(labels, np.arange(len(labels))):
        raise ValueError(f"{path}: expected labels y from 0 to K - 1, found {labels[:12].tolist()}")
    with np.errstate(over="ignore"):  # too large numbers become inf, which is refused below
        X = X.astype(np.float32)
    bad = where_not_finite(X)
    if bad is not None:
        raise ValueError(f"{path}: X: expected finite numbers, found {X[bad]} at index {bad}")
    return X, y.astype(np.int64)


def read_arrays(path: Path) -> tuple[Array, Array]:
    """The arrays X and y; ValueError if the file does not have them."""
    data = io.BytesIO(path.read_bytes())  # in memory, so that damage cannot cause OSError
    try:
        with np.load(data, allow_pickle=False) as archive:
            X, y = archive["X"], archive["y"]
            if not isinstance(X, np.ndarray) or not isinstance(y, np.ndarray):
                raise ValueError("X or y is no array")
    except Exception as error:  # zipfile and NumPy have many ways to refuse a damaged file
        raise ValueError(f"{path}: expected an .npz file with X and y, found: {error}") from error
    return X, y
