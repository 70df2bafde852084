"""NumPy arrays of bytes inside pickles: stand-ins that check before NumPy sees anything."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hgref.arguments import Array
from paper_repro.data.idx import MOST_AXES
from paper_repro.data.plain_pickle import Named, Stateful


class PickledDtype(Stateful):
    """Stands for numpy.dtype; the one that is let through is uint8."""

    def __init__(self, code: Any, align: Any, copy: Any):
        if code != "u1":
            raise ValueError("an array of other numbers than uint8")

    def set_state(self, state: Any) -> None:
        """(version, byte order, no fields …): for single bytes nothing to take over."""
        if not isinstance(state, tuple) or state[1] != "|":
            raise ValueError("a dtype with fields or a byte order")


class PickledArray(Stateful):
    """Stands for what numpy.core.multiarray._reconstruct returns; its state is the array.

    array    uint8 of any shape
    """

    def __init__(self, kind: Any, shape: Any, code: Any):
        if not isinstance(kind, Named) or kind.name != "numpy ndarray":
            raise ValueError("a subclass of numpy.ndarray")
        self.array: Array = np.zeros(0, np.uint8)

    def set_state(self, state: Any) -> None:
        """(version, shape, dtype, in Fortran's order, bytes)"""
        if not isinstance(state, tuple) or len(state) != 5:
            raise ValueError("an array without its five parts")
        _, shape, dtype, fortran, data = state
        if isinstance(data, str):  # Python 2's
            data = data.encode("latin-1")
        if not isinstance(dtype, PickledDtype) or not isinstance(data, bytes):
            raise ValueError("an array of other numbers than uint8")
        counts = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
        if not counts or len(shape) > MOST_AXES:
            raise ValueError(f"an array whose shape is not a tuple of {MOST_AXES} counts at most")
        if math.prod(shape) != len(data):
            raise ValueError(f"{len(data)} numbers in an array of {math.prod(shape)}")
        self.array = np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C")


ARRAY_NAMES: dict[str, Callable[..., Any] | None] = {
    "numpy.core.multiarray _reconstruct": PickledArray,
    "numpy._core.multiarray _reconstruct": PickledArray,
    "numpy dtype": PickledDtype,
    "numpy ndarray": None,
}
