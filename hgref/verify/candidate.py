"""The candidate: the hypergradient to be checked, as named blocks, and its precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array, asarray, require_known, require_shape
from hgref.layout import Blocks, Layout
from hgref.objectives.objective import Objective
from hgref.problem import Hypergradient
from hgref.verify.arithmetic import FLOAT64

DIGITS = 16  # decimal digits that tell a float64 apart from its neighbours, nearly always

Flatten = Callable[[Any], Array]
IN_ORDER: Flatten = Objective().read_weights  # the leaves one after the other


@dataclass(frozen=True)
class Candidate:
    """Some or all blocks of a gradient, and the unit roundoff u of the numbers as they were given.

    blocks       name → array, shaped like the block of λ
    roundoff     2⁻⁵³ for float64 and Python's numbers, 2⁻²⁴ for float32, 2⁻¹¹ for float16, 2⁻⁸ for
                 bfloat16; ½ 10^(1-k) for decimal strings of k digits; the largest of all blocks
    unconnected  names of blocks that were given as None, and are read as zeros: frameworks return
                 it where the loss does not depend on a tensor
    """

    blocks: Blocks
    roundoff: float
    unconnected: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return list(self.blocks)


def read_candidate(candidate: Any, layout: Layout, weights: Flatten = IN_ORDER) -> Candidate:
    """The candidate as blocks: a flat vector (m,), a Hypergradient, or a mapping of some blocks.

    candidate  arrays, numbers, lists, decimal strings, or anything NumPy can read (tensors of other
               frameworks); None for a block that is not connected. NaN and infinity are accepted
               here: the report calls them wrong
    weights    flattens the block w0, if it is given in the parameters' own shapes
    Raises     TypeError, ValueError with the name, what was expected and what was found
    """
    if isinstance(candidate, Hypergradient):
        candidate = candidate.blocks
    if not isinstance(candidate, Mapping):
        flat = Numbers.read("candidate", candidate)
        require_shape("candidate", flat.values.shape, (layout.size,))
        return Candidate(layout.split(flat.values), coarsest([flat]))
    for name in candidate:
        require_known(name, layout.shapes, "hyperparameter in the candidate")
    if not candidate:
        raise ValueError(f"candidate: expected some of {list(layout.shapes)}, found none")
    blocks, read = {}, []
    for name in (name for name in layout.shapes if name in candidate):
        shape, given = layout.shapes[name], candidate[name]
        if given is None:
            blocks[name] = np.zeros(shape)
            continue
        leaves = parameters(given) if name == "w0" else None
        each = [given] if leaves is None else leaves
        read += [Numbers.read(f"candidate {name}", part) for part in each]
        blocks[name] = read[-1].values if leaves is None else weights(given)
        require_shape(f"candidate {name}", blocks[name].shape, shape)
    empty = tuple(name for name in blocks if candidate[name] is None)
    return Candidate(blocks, coarsest(read), empty)


def parameters(given: Any) -> list[Any] | None:
    """The tensors of a mapping or list of parameters; None if it is not one."""
    if isinstance(given, Mapping):
        return list(given.values())
    if isinstance(given, (list, tuple)) and any(np.ndim(x) for x in given if hasattr(x, "shape")):
        return list(given)
    return None


class Numbers(NamedTuple):
    """Numbers as they were given.

    values    in float64
    roundoff  unit roundoff of their type; integers count as float64
    digits    of decimal strings, the most of all; 0 if they are whole numbers, which are exact, or
              no strings
    """

    values: Array
    roundoff: float
    digits: int = 0

    @classmethod
    def read(cls, name: str, value: Any) -> Numbers:
        try:
            array = asarray(name, value)
        except ValueError as error:
            raise TypeError(f"{name}: expected numbers, found {type(value).__name__}") from error
        if array.dtype.kind in "OU" and array.size:
            return decimals(name, array)
        if array.dtype.kind not in "iuf":
            raise TypeError(f"{name}: expected real numbers, found {type(value).__name__}")
        if str(getattr(value, "dtype", "")).endswith("bfloat16"):  # read as float32
            return cls(array.astype(float), 2.0**-8)
        kind = array.dtype if array.dtype.kind == "f" else np.dtype(float)
        return cls(array.astype(float), max(float(np.finfo(kind).eps) / 2, FLOAT64))


def coarsest(read: list[Numbers]) -> float:
    """The unit roundoff of all: of the coarsest type, or of the longest decimal string.

    A shorter string is one whose last digits are zeros.
    """
    digits = max((numbers.digits for numbers in read), default=0)
    printed = 0.5 * 10.0 ** (1 - digits) if 0 < digits < DIGITS else FLOAT64
    return max(printed, *(numbers.roundoff for numbers in read), FLOAT64)


def decimals(name: str, array: Array) -> Numbers:
    """Numbers from decimal strings, Decimals and Python's own numbers."""
    digits, values = 0, np.empty(array.shape)
    for index, entry in np.ndenumerate(array):
        if not isinstance(entry, (str, Decimal, int, float, np.integer, np.floating)):
            raise TypeError(f"{name}: expected real numbers, found {type(entry).__name__}")
        try:
            number = Decimal(str(entry).strip())
        except InvalidOperation as error:
            raise TypeError(f"{name}: expected real numbers, found {str(entry)!r}") from error
        if number.is_finite() and number != number.to_integral_value():
            printed = isinstance(entry, (str, Decimal))
            digits = max(digits, len(number.as_tuple().digits) if printed else DIGITS)
        values[index] = float(number)
    return Numbers(values, FLOAT64, digits)
