"""A differentiable map at a point: its value and its products, which share common terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array
from hgref.layout import Blocks


class At(NamedTuple):
    """A differentiable map at one point: what `objective.at` and `dynamics.at` return.

        objective.at(t, w, lam)   value g (p,)     jvp(dw, dlam) = H dw + M dλ     vjp(u) = (uH, uM)
        dynamics.at(t, s, lam)    value s_t (d,)   jvp(ds, dlam) = A ds + B dλ     vjp(α) = (αA, αB)

    value    the map's value at the point
    jvp      takes columns (·, k) of tangents of the first argument, and a mapping of (…, k) of some
             blocks of λ, where an absent block is zero; returns columns (·, k)
    vjp      takes a row of cotangents; returns a row and a mapping of blocks, shaped like λ's
    """

    value: Array
    jvp: Callable[[Array, Blocks], Array]
    vjp: Callable[[Array], tuple[Array, Blocks]]


class Linearised:
    """Makes `at` from three functions, or the three functions from `at`: a subclass defines either.

    defined_by   their names: the value f(t, x, lam), the jvp f(t, x, lam, dx, dlam), the vjp
                 f(t, x, lam, u)
    Beware       a definition in a subclass replaces both forms of its parents: if it overrides one
                 of the three functions, `at` is made from them
    """

    defined_by: tuple[str, str, str]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls)
        if "at" in own:
            for name, part in zip(cls.defined_by, At._fields, strict=True):
                if name not in own:
                    setattr(cls, name, part_of(own["at"], part))
        elif any(name in own for name in cls.defined_by):
            cls.at = from_functions  # type: ignore[attr-defined]


def part_of(at: Callable[..., At], part: str) -> Callable[..., Any]:
    """The function that returns one part of what `at` returns."""

    def function(self: Any, t: int, x: Array, lam: Blocks, *tangents: Any) -> Any:
        found = getattr(at(self, t, x, lam), part)
        return found(*tangents) if tangents else found

    return function


def from_functions(self: Any, t: int, x: Array, lam: Blocks) -> At:
    """`at` for a class that defines the three functions."""
    value, jvp, vjp = (getattr(self, name) for name in self.defined_by)
    return At(value(t, x, lam), partial(jvp, t, x, lam), partial(vjp, t, x, lam))


def as_state(what: str, of: Any, found: Any, size: int) -> Array:
    """What a function returned, if it is a vector of this size: anything else broadcasts."""
    if np.shape(found) != (size,):
        raise ValueError(
            f"{what} of {type(of).__name__}: expected shape ({size},), found {np.shape(found)}"
        )
    return found


def as_columns(of: Any, found: Any, like: Array) -> Array:
    """What a jvp returned, if it has the shape of the tangents that it got: columns broadcast."""
    if np.shape(found) != like.shape:
        raise ValueError(
            f"jvp of {type(of).__name__}: expected columns of shape {like.shape}, found "
            f"{np.shape(found)}"
        )
    return found


def as_row(of: Any, found: Any, like: Array, shapes: Mapping[str, Any]) -> tuple[Array, Blocks]:
    """What a vjp returned, if it is a row like its cotangent and one block for each of `shapes`."""
    name = type(of).__name__
    try:
        row, blocks = found
        names = set(blocks)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"vjp of {name}: expected (row, mapping of blocks), found {found!r}"
        ) from error
    if np.shape(row) != like.shape:
        raise ValueError(f"vjp of {name}: expected a row {like.shape}, found {np.shape(row)}")
    if names != set(shapes):
        raise ValueError(f"vjp of {name}: expected blocks {list(shapes)}, found {list(blocks)}")
    for block, shape in shapes.items():
        if np.shape(blocks[block]) != tuple(shape):
            raise ValueError(
                f"vjp of {name}: expected block {block!r} of shape {tuple(shape)}, found "
                f"{np.shape(blocks[block])}"
            )
    return row, blocks


class NotGiven(NotImplementedError, TypeError):
    """A function of a user's dynamics or objective is needed, and is not given."""


def lacking(thing: Any, function: str) -> NotGiven:
    """The error for a user's dynamics or objective without a function that is needed."""
    return NotGiven(f"{type(thing).__name__}: expected it to define `{function}`")
