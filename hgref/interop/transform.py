"""A map θ ↦ λ that a framework differentiates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from hgref.arguments import Array
from hgref.interop.framework import real
from hgref.layout import Blocks
from hgref.transforms import Map


def transform(
    fn: Callable[..., Any],
    shapes: Mapping[str, tuple[int, ...]],
    functions: Any,
    tensor: Callable[[Array], Any],
    array: Callable[[Any], Array],
    float64: Callable[[], AbstractContextManager[Any]],
) -> Map:
    """The Map of a function of tensors.

    functions   a namespace with jvp, vjp, vmap;  tensor, array: in and out
    float64     a context in which the framework computes in float64
    """

    def enter(blocks: Blocks) -> dict[str, Any]:
        return {name: tensor(real(name, blocks[name])) for name in shapes}

    def leave(blocks: Mapping[str, Any]) -> Blocks:
        return {name: array(block) for name, block in blocks.items()}

    def value(theta: Blocks) -> Blocks:
        with float64():
            return leave(fn(enter(theta)))

    def jvp(theta: Blocks, dtheta: Blocks) -> Blocks:
        with float64():
            point = enter(theta)
            along = functions.vmap(lambda d: functions.jvp(fn, (point,), (d,))[1], -1, -1)
            return leave(along(enter(dtheta)))

    def vjp(theta: Blocks, b: Blocks) -> Blocks:
        with float64():
            made, pull = functions.vjp(fn, enter(theta))
            (row,) = pull({name: tensor(real(name, b[name])) for name in made})
            return leave(row)

    return Map(value, jvp, vjp, shapes)
