"""λ as one flat vector and as named blocks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, require_known

Blocks = dict[str, Array]
PROBE = 0.5


class Point(np.ndarray):
    """A flat λ (m,) with a `layout` of its blocks; otherwise an ordinary vector.

    Sums, multiples, copies and complex steps keep the layout; a slice loses it.
    """

    layout: Layout | None

    def __array_finalize__(self, source: Any) -> None:
        layout = getattr(source, "layout", None)
        fits = layout is not None and self.shape == (layout.size,)
        self.layout = layout if fits else None

    def __reduce__(self) -> Any:
        return revived, (np.asarray(self), self.layout)


def revived(flat: Array, layout: Layout | None) -> Array:
    """`flat` with a layout, if there is one; also unpickles a Point."""
    return flat if layout is None else layout.point(flat)


def layout_of(lam: Any) -> Layout | None:
    """The layout that a vector carries, or None."""
    return lam.layout if isinstance(lam, Point) else None


def alike(flat: Array, lam: Any) -> Array:
    """`flat` with the layout that `lam` carries, if any."""
    return revived(flat, layout_of(lam))


def probe(shapes: Mapping[str, tuple[int, ...]]) -> Blocks:
    """A point at which a function of named blocks shows what it returns."""
    return {name: np.full(shape, PROBE) for name, shape in shapes.items()}


def read_only_these(lam: Blocks, shapes: Mapping[str, Any]) -> Blocks:
    """The blocks that a user's function declares; ValueError if λ lacks one."""
    missing = [name for name in shapes if name not in lam]
    if missing:
        raise ValueError(f"lam: expected blocks {list(shapes)}, lacks {missing}")
    return {name: lam[name] for name in shapes}


class Layout:
    """The position of each named block of λ in the flat vector (m,).

    shapes   name → shape, in the order of the blocks: dynamics, objective, w0
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
        """The flat vector (m,) of blocks with exactly these names and shapes."""
        for name in blocks:
            require_known(name, self.shapes, "hyperparameter")
        missing = [name for name in self.shapes if name not in blocks]
        if missing:
            raise ValueError(f"missing hyperparameters {missing}: expected {list(self.shapes)}")
        parts = [as_array(n, blocks[n], shape).reshape(-1) for n, shape in self.shapes.items()]
        return np.concatenate(parts) if parts else np.zeros(0)

    def point(self, flat: Array) -> Array:
        """The same vector with this layout; a view."""
        point = np.asarray(flat).view(Point)
        point.layout = self
        return point

    def split(self, flat: Array) -> Blocks:
        """The named blocks of a flat vector (m,); views, no copies."""
        flat = np.asarray(flat)
        return {n: flat[self.slices[n]].reshape(shape) for n, shape in self.shapes.items()}

    def zeros(self, like: Array) -> Blocks:
        """Blocks of zeros, with the dtype of `like`."""
        return self.split(np.zeros(self.size, dtype=like.dtype))

    def identity(self) -> Blocks:
        """The columns of the identity, (…, m) for each block: dλ/dλ."""
        eye = np.eye(self.size)
        return {n: eye[self.slices[n]].reshape(*s, self.size) for n, s in self.shapes.items()}

    def numbers(self) -> Blocks:
        """For each block, the indices of its entries in the flat vector, shaped like the block."""
        return self.split(np.arange(self.size))

    def gathered(self, blocks: Blocks) -> Array:
        """The flat vector (m,) of some of the blocks; absent blocks are zero."""
        dtype = np.result_type(float, *(block.dtype for block in blocks.values()))
        flat = np.zeros(self.size, dtype=dtype)
        for name in blocks.keys() & self.shapes.keys():
            flat[self.slices[name]] = np.reshape(blocks[name], -1)
        return flat

    def place(self, entry: int) -> tuple[str, int]:
        """(name of the block, index in it) of an entry of the flat vector."""
        for name, part in self.slices.items():
            if entry < part.stop:
                return name, entry - part.start
        raise IndexError(entry)

    def columns(self, first: int = 0, last: int | None = None) -> Columns:
        """Entries first … last - 1 as columns of Z; by default all."""
        return Columns(self, first, self.size if last is None else last)

    def select(self, names: Iterable[str]) -> Layout:
        """The layout of some of the blocks, in the order of `names`."""
        if not isinstance(names, Iterable):
            raise TypeError(f"wrt: expected names of blocks, found {type(names).__name__}")
        names = [names] if isinstance(names, str) else list(names)
        for name in names:
            require_known(name, self.shapes, "hyperparameter")
        if not names:
            raise ValueError(f"wrt: expected at least one of {list(self.shapes)}, found none")
        return Layout({name: self.shapes[name] for name in names})


class Columns:
    """Consecutive columns of Z: the derivatives in entries first … last - 1 of a flat λ.

    layout   of the blocks that contain the entries
    size     k, the number of columns
    """

    def __init__(self, layout: Layout, first: int, last: int):
        self.layout, self.first, self.last = layout, first, last
        self.size = last - first

    def identity(self) -> Blocks:
        """dλ for each column: columns of the identity, (…, k) for each block."""
        eye = np.eye(self.layout.size, self.size, -self.first)
        slices, shapes = self.layout.slices, self.layout.shapes
        return {n: eye[slices[n]].reshape(*shape, self.size) for n, shape in shapes.items()}

    def numbers(self) -> Blocks:
        """For each block, the columns of its entries, shaped like it; outside 0 … k - 1: none."""
        return {name: block - self.first for name, block in self.layout.numbers().items()}

    def gathered(self, blocks: Blocks) -> Array:
        """These entries (k,) of some of the blocks; absent blocks are zero."""
        return self.layout.gathered(blocks)[self.first : self.last]

    def place(self, column: int) -> tuple[str, int]:
        """(name of the block, index in it) of a column."""
        return self.layout.place(self.first + column)

    def __str__(self) -> str:
        (first, a), (last, b) = self.place(0), self.place(self.size - 1)
        return f"columns {self.first} to {self.last - 1} of Z, {first}[{a}] to {last}[{b}]"

    def among(self, count: int) -> list[Columns]:
        """The same columns in `count` spans of nearly equal size, at most one for each column."""
        count = max(1, min(count, self.size))
        ends = [self.first + self.size * j // count for j in range(count + 1)]
        return [Columns(self.layout, a, b) for a, b in itertools.pairwise(ends)]
