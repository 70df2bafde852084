"""Stand-ins for NumPy's arrays of bytes in pickles: checked before NumPy sees anything."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hgref.arguments import Array
from paper_repro.data.idx import MOST_AXES

NDARRAY = object()  # pickles name numpy.ndarray and do not call it


class PickledDtype:
    """Stands for numpy.dtype; allows uint8 alone."""

    def __init__(self, code: Any, align: Any, copy: Any):
        if code != "u1":
            raise ValueError("an array of other numbers than uint8")

    def __setstate__(self, state: Any) -> None:
        if state[1] != "|":
            raise ValueError("a dtype with fields or a byte order")


class PickledArray:
    """Stands for what numpy.core.multiarray._reconstruct returns; its state is the array.

    array    uint8 of any shape
    """

    array: Array = np.zeros(0, np.uint8)

    def __init__(self, kind: Any, shape: Any, code: Any):
        if kind is not NDARRAY:
            raise ValueError("a subclass of numpy.ndarray")

    def __setstate__(self, state: Any) -> None:
        match state:  # version, shape, dtype, in Fortran's order, bytes, which are Python 2's texts
            case (_, tuple(shape), PickledDtype(), fortran, bytes() | str() as data):
                data = data.encode("latin-1") if isinstance(data, str) else data
            case _:
                raise ValueError("an array without shape, dtype and bytes")
        if len(shape) > MOST_AXES or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError(f"an array whose shape is not {MOST_AXES} counts at most")
        if math.prod(shape) != len(data):
            raise ValueError(f"{len(data)} numbers in an array of {math.prod(shape)}")
        self.array = np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C")


ARRAY_NAMES: dict[str, Any] = {
    "numpy.core.multiarray _reconstruct": PickledArray,
    "numpy._core.multiarray _reconstruct": PickledArray,
    "numpy dtype": PickledDtype,
    "numpy ndarray": NDARRAY,
}
