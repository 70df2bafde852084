"""A map at a point: its value there and its products, which share what they have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hgref.arguments import Array
from hgref.layout import Blocks


class At(NamedTuple):
    """A differentiable map at one point: what `objective.at` and `dynamics.at` return.

        objective.at(t, w, lam)   value g (p,)     jvp(dw, dlam) = H dw + M dλ     vjp(u) = (uH, uM)
        dynamics.at(t, s, lam)    value s_t (d,)   jvp(ds, dlam) = A ds + B dλ     vjp(α) = (αA, αB)

    value    of the map at the point
    jvp      function of tangents: columns (·, k) of the first argument, and a mapping of (…, k) of
             some blocks of λ, where an absent block is zero; returns columns (·, k)
    vjp      function of a row of cotangents; returns a row and a mapping of blocks, shaped like λ's
    """

    value: Array
    jvp: Callable[[Array, Blocks], Array]
    vjp: Callable[[Array], tuple[Array, Blocks]]


def lacking(thing: Any, functions: str) -> NotImplementedError:
    """The error of a user's dynamics or objective that does not define what is asked of it."""
    return NotImplementedError(
        f"{type(thing).__name__}: expected it to define `at` or {functions}, found neither"
    )
