"""The candidate: the hypergradient to be checked, as named blocks, and its precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hgref.arguments import Array, asarray, require_known, require_shape
from hgref.layout import Blocks, Layout


@dataclass(frozen=True)
class Candidate:
    """Some or all blocks of a gradient, and the unit roundoff u of their original type.

    blocks   name → array, shaped like the block of λ
    roundoff 2⁻⁵³ for float64 and Python's numbers, 2⁻²⁴ for float32, 2⁻¹¹ for float16, 2⁻⁸ for
             bfloat16
    """

    blocks: Blocks
    roundoff: float

    @property
    def names(self) -> list[str]:
        return list(self.blocks)


def read_candidate(candidate: Any, layout: Layout) -> Candidate:
    """The candidate as blocks: a flat vector (m,), or a mapping of some of the blocks.

    candidate  arrays, numbers, lists, or anything NumPy can read (tensors of other frameworks);
               NaN and infinity are accepted here: the report calls them wrong
    Raises     TypeError, ValueError with the name, what was expected and what was found
    """
    if not isinstance(candidate, Mapping):
        flat = read_numbers("candidate", candidate)
        require_shape("candidate", flat.shape, (layout.size,))
        return Candidate(layout.split(flat.astype(float)), roundoff_of(candidate, flat))
    for name in candidate:
        require_known(name, layout.shapes, "hyperparameter in the candidate")
    if not candidate:
        raise ValueError(f"candidate: expected some of {list(layout.shapes)}, found none")
    given = {name: read_numbers(f"candidate {name}", candidate[name]) for name in candidate}
    for name, block in given.items():
        require_shape(f"candidate {name}", block.shape, layout.shapes[name])
    blocks = {name: given[name].astype(float) for name in layout.shapes if name in given}
    return Candidate(blocks, max(roundoff_of(candidate[n], x) for n, x in given.items()))


def read_numbers(name: str, value: Any) -> Array:
    try:
        array = asarray(name, value)
    except ValueError as error:
        raise TypeError(f"{name}: expected numbers, found {type(value).__name__}") from error
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name}: expected real numbers, found {type(value).__name__}")
    return array


def roundoff_of(given: Any, array: Array) -> float:
    """Unit roundoff of the type in which a value was given; integers count as float64."""
    if str(getattr(given, "dtype", "")).endswith("bfloat16"):  # read as float32
        return 2.0**-8
    kind = array.dtype if array.dtype.kind == "f" else np.dtype(float)
    return max(float(np.finfo(kind).eps), float(np.finfo(float).eps)) / 2
