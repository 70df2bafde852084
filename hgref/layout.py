"""λ as one flat vector and as named blocks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, require_known

Blocks = dict[str, Array]


class Layout:
    """Where each named block of λ stands in the flat vector (m,).

    shapes   name → shape, in the order in which the blocks stand: dynamics, objective, w0
    size     m, the number of hyperparameters
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]):
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self.slices: dict[str, slice] = {}
        self.size = 0
        for name, shape in self.shapes.items():
            length = math.prod(shape)
            self.slices[name] = slice(self.size, self.size + length)
            self.size += length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and list(self.shapes.items()) == list(other.shapes.items())

    def __repr__(self) -> str:
        blocks = ", ".join(f"{name}{list(shape)}" for name, shape in self.shapes.items())
        return f"Layout({blocks}; m={self.size})"

    def flatten(self, blocks: Mapping[str, Any]) -> Array:
        """The flat vector (m,) of blocks that have these shapes, all of them and no others."""
        for name in blocks:
            require_known(name, self.shapes, "hyperparameter")
        missing = [name for name in self.shapes if name not in blocks]
        if missing:
            raise ValueError(f"missing hyperparameters {missing}: expected {list(self.shapes)}")
        parts = [as_array(n, blocks[n], shape).reshape(-1) for n, shape in self.shapes.items()]
        return np.concatenate(parts) if parts else np.zeros(0)

    def split(self, flat: Array) -> Blocks:
        """The named blocks of a flat vector (m,); views, no copies."""
        return {n: flat[self.slices[n]].reshape(shape) for n, shape in self.shapes.items()}

    def zeros(self, like: Array) -> Blocks:
        """One zero for each hyperparameter, of the number type of `like`."""
        return self.split(np.zeros(self.size, dtype=like.dtype))

    def identity(self) -> Blocks:
        """The columns of the identity, (…, m) for each block: dλ/dλ."""
        eye = np.eye(self.size)
        return {n: eye[self.slices[n]].reshape(*s, self.size) for n, s in self.shapes.items()}

    def select(self, names: Iterable[str]) -> Layout:
        """The layout of some of the blocks alone, in this layout's order."""
        names = [names] if isinstance(names, str) else list(names)
        for name in names:
            require_known(name, self.shapes, "hyperparameter")
        if not names:
            raise ValueError(f"wrt: expected at least one of {list(self.shapes)}, found none")
        return Layout({name: s for name, s in self.shapes.items() if name in names})
