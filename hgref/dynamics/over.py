"""A hyperparameter of a dynamics with one number for each step, weight or block of weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array, require_known
from hgref.objectives.objective import Objective

Axes = tuple[str, ...]
OVER: dict[Any, Axes] = {
    "steps": ("steps",),
    "weights": ("weights",),
    "blocks": ("blocks",),
    ("steps", "blocks"): ("steps", "blocks"),
}


def read_over(over: Mapping[str, Any], names: Axes, J: Objective) -> dict[str, Axes]:
    """{name: axes}; TypeError, ValueError for what is no hyperparameter or no kind of `over`."""
    if not isinstance(over, Mapping):
        raise TypeError(f"over: expected a mapping of names, found {type(over).__name__}")
    found = {}
    for name, kind in over.items():
        require_known(name, names, "over: hyperparameter")
        key = tuple(kind) if isinstance(kind, list) else kind
        if not isinstance(key, (str, tuple)) or key not in OVER:
            raise ValueError(f"over: expected one of {list(OVER)} for {name!r}, found {kind!r}")
        found[name] = OVER[key]
        if "blocks" in found[name] and J.layer_labels is None:
            raise ValueError(
                f"over: {name!r} expects blocks of weights, but {type(J).__name__} has no layers "
                f"and no named tensors; an MLP and a framework's objective have them, and an own "
                f"objective sets `layer_labels`"
            )
    return found


def shape_at_a_step(axes: Axes, p: int, labels: Array | None) -> tuple[int, ...]:
    """What one step has of the block: (), (p,) or (L,)."""
    if "weights" in axes:
        return (p,)
    return (number_of(labels),) if "blocks" in axes and labels is not None else ()


def number_of(labels: Array) -> int:
    """L, the number of layers."""
    return int(labels.max()) + 1


def at_step(axes: Axes, labels: Any, t: int, x: Any) -> Any:
    """What step t reads of a block, () or (p,); of its tangents (…, k): (k,) or (p, k)."""
    x = x[t - 1] if "steps" in axes else x[()]
    return x[labels] if "blocks" in axes else x


def to_block(axes: Axes, labels: Any, t: int, total: Any, shape: tuple[int, ...]) -> Array:
    """The transpose of `at_step`: a cotangent, () or (p,), as one of the whole block."""
    total = np.asarray(total)
    if "blocks" in axes:
        each = np.zeros(shape[-1:], total.dtype)
        np.add.at(each, labels, total)
        total = each
    else:
        total = np.broadcast_to(total, shape) if "weights" in axes else np.asarray(total.sum())
    if "steps" not in axes:
        return total
    share = np.zeros(shape, total.dtype)
    share[t - 1] = total
    return share
