"""Argument checks: every error names the argument, what was expected and what was found."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
HALVES = ("bfloat16", "float8_e4m3fn", "float8_e5m2")  # of JAX
REAL = (int, float, np.integer, np.floating)


def where_not_finite(x: Array) -> tuple[int, ...] | None:
    """The index of the first NaN or infinity in x, or None; dtype object is not checked."""
    if x.dtype == object or np.isfinite(x).all():
        return None
    return tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])


def as_array(name: str, value: Any, shape: tuple[int | str, ...] | None = None) -> Array:
    """`value` as an array of finite numbers; its shape is checked if `shape` is given.

    shape    integers must match, strings stand for any length: ("n", 3)
    returns  float64; complex, long double and exact numbers (dtype object) keep their type
    """
    array = asarray(name, value)
    if array.dtype == object and all(isinstance(x, REAL) for x in array.flat):
        array = array.astype(float)
    if array.dtype.kind in "biuf" and array.dtype.itemsize < 16:  # keep long double
        array = array.astype(float, copy=False)
    exact = array.dtype == object and all(hasattr(x, "__truediv__") for x in array.flat)
    if array.dtype.kind not in "fc" and not exact:
        raise TypeError(f"{name}: expected numbers, found {odd_entry(array, value)}")
    if shape is not None:
        require_shape(name, array.shape, shape)
    bad = where_not_finite(array)
    if bad is not None:
        at = f" at index {bad}" if bad else ""
        raise ValueError(f"{name}: expected finite numbers, found {array[bad]}{at}")
    return array


def odd_entry(array: Array, value: Any) -> str:
    """What is no number: the first such entry of an array of objects, or the type."""
    if array.dtype != object or not array.shape:
        return type(value).__name__ if not array.shape else f"entries of type {array.dtype}"
    odd = next(i for i, x in np.ndenumerate(array) if not isinstance(x, REAL))
    return f"{array[odd]!r} at index {odd}"


def asarray(name: str, value: Any) -> Array:
    """`value` as an array: numbers, lists, data frames, or tensors, also those that want gradients.

    Half precisions that NumPy lacks (bfloat16) become float32, which holds them exactly.
    """
    if isinstance(value, np.ma.MaskedArray):
        masked = int(np.ma.count_masked(value))
        if masked:
            raise ValueError(
                f"{name}: expected numbers everywhere, found a masked array with {masked} masked "
                f"entries; fill them, or leave these rows out"
            )
        value = value.data
    if hasattr(value, "detach"):  # a torch tensor
        value = value.detach().cpu()
        value = value.float() if str(value.dtype).endswith("bfloat16") else value
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:  # rows of different lengths
        raise ValueError(f"{name}: expected a rectangular array, found {error}") from error
    return array.astype(np.float32) if array.dtype.name in HALVES else array


def require_shape(name: str, found: tuple[int, ...], expected: tuple[int | str, ...]) -> None:
    """Raise ValueError unless `found` matches `expected`, in which strings stand for any length."""
    matches = len(found) == len(expected) and all(
        isinstance(e, str) or f == e for f, e in zip(found, expected, strict=True)
    )
    if not matches:
        inside = ", ".join(str(e) for e in expected) + ("," if len(expected) == 1 else "")
        raise ValueError(f"{name}: expected shape ({inside}), found {found}")


def as_count(name: str, value: Any, low: int, high: int | None = None) -> int:
    """`value` as an integer from low to high, both included."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        count = operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name}: expected an integer, found {value!r}") from error
    if count < low or (high is not None and count > high):
        bounds = f"at least {low}" if high is None else f"an integer from {low} to {high}"
        raise ValueError(f"{name}: expected {bounds}, found {count}")
    return count


def require_known(name: str, known: Iterable[str], what: str) -> None:
    """Raise ValueError if `name` is not among the `known` names; suggests the most similar one."""
    known = list(known)
    if name not in known:
        close = difflib.get_close_matches(str(name), known, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"unknown {what} {name!r}: expected one of {known}{hint}")


def require_callable(name: str, value: Any) -> None:
    """Raise TypeError unless `value` can be called."""
    if not callable(value):
        raise TypeError(f"{name}: expected a function, found {type(value).__name__}")


def require_at_least(name: str, value: Array, low: float, advice: str = "") -> None:
    """Raise ValueError if an entry of `value` is below `low`; real parts are compared."""
    if value.dtype != object and (value.real < low).any():
        index = tuple(int(i) for i in np.argwhere(value.real < low)[0])
        at = f" at index {index}" if index else ""
        raise ValueError(f"{name}: expected numbers >= {low}, found {value[index]}{at}{advice}")


def require_below(name: str, value: Array, high: float) -> None:
    """Raise ValueError if an entry of `value` is `high` or more; real parts are compared."""
    if value.dtype != object and (value.real >= high).any():
        index = tuple(int(i) for i in np.argwhere(value.real >= high)[0])
        at = f" at index {index}" if index else ""
        raise ValueError(f"{name}: expected numbers < {high}, found {value[index]}{at}")
