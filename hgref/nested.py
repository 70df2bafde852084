"""Mappings, lists and tuples of leaves, nested: their leaves by name, and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hgref.arguments import REAL


def leaves_of(nested: Any, name: str) -> dict[str, Any]:
    """{name: leaf} in order, the names being those by which Python reaches them: `name["a"][0]`.

    nested   a leaf, or a mapping, list, tuple or named tuple of such things; None has no leaves
    """
    if nested is None:
        return {}
    found: dict[str, Any] = {}
    for part, within in parts_of(nested, name):
        found |= {part: within} if within is nested else leaves_of(within, part)
    return found


def parts_of(nested: Any, name: str) -> Iterator[tuple[str, Any]]:
    """(name, part) of each part; a leaf is its own part."""
    if isinstance(nested, Mapping):
        yield from ((f"{name}[{key!r}]", part) for key, part in nested.items())
    elif isinstance(nested, tuple) and hasattr(nested, "_fields"):
        yield from ((f"{name}.{key}", getattr(nested, key)) for key in nested._fields)
    elif isinstance(nested, (list, tuple)):
        yield from ((f"{name}[{j}]", part) for j, part in enumerate(nested))
    else:
        yield name, nested


def with_arrays(nested: Any) -> Any:
    """The same nest, in which a list of numbers is an array, as NumPy's users write it."""
    if isinstance(nested, Mapping):
        return {key: with_arrays(part) for key, part in nested.items()}
    if isinstance(nested, tuple):
        parts = [with_arrays(part) for part in nested]
        return type(nested)(*parts) if hasattr(nested, "_fields") else tuple(parts)
    if not isinstance(nested, list):
        return nested
    if all(isinstance(part, (list, *REAL)) for part in nested):
        array = np.asarray(nested)
        if array.dtype.kind in "biuf":
            return array
    return [with_arrays(part) for part in nested]


def rebuilt(like: Any, leaves: Iterator[Any]) -> Any:
    """The same nest as `like`, of these leaves in order; mappings become plain dictionaries."""
    if like is None:
        return None
    if isinstance(like, Mapping):
        return {key: rebuilt(part, leaves) for key, part in like.items()}
    if isinstance(like, tuple) and hasattr(like, "_fields"):
        return type(like)(*(rebuilt(part, leaves) for part in like))
    if isinstance(like, (list, tuple)):
        parts = [rebuilt(part, leaves) for part in like]
        return tuple(parts) if isinstance(like, tuple) else parts
    return next(leaves)
