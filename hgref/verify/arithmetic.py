"""Numbers that err in every operation, as those of a given precision do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.layout import Blocks

FLOAT64 = float(np.finfo(float).eps) / 2  # unit roundoff
TYPES = {float(np.finfo(kind).eps) / 2: kind for kind in (np.float16, np.float32, np.float64)}
DRAWN = 2**16  # random numbers that are drawn at once, as small operations are many

Rounding = Callable[[Array], Array]  # takes the exact result of an operation


def at_random(u: float, seed: int) -> Rounding:
    """x (1 + u ξ), ξ uniform in [-1, 1]; zeros stay zeros.

    In float16, float32 and float64 numbers below the smallest normal one, which are equally
    spaced, err by up to the spacing instead.
    """
    random = np.random.default_rng(seed)
    relative = relative_error(u, random)
    kind = TYPES.get(u)
    return relative if kind is None else underflowing(relative, np.finfo(kind), random)


def relative_error(u: float, random: np.random.Generator) -> Rounding:
    factors = 1 + u * random.uniform(-1, 1, DRAWN)  # used again and again, from random places
    place = 0

    def rounding(x: Array) -> Array:
        nonlocal place
        if 4 * x.size > DRAWN:
            return x * (1 + u * random.uniform(-1, 1, x.shape))
        if place + x.size > DRAWN:
            place = int(random.integers(DRAWN // 4))
        place += x.size
        return x * factors[place - x.size : place].reshape(x.shape)

    return rounding


def underflowing(relative: Rounding, kind: Any, random: np.random.Generator) -> Rounding:
    """The same errors, and those of small numbers."""
    smallest, spacing = float(kind.smallest_normal), float(kind.smallest_subnormal)

    def rounding(x: Array) -> Array:
        low = np.abs(x) < smallest
        if not np.count_nonzero(low):  # several times as fast as low.any()
            return relative(x)
        low &= x != 0
        return np.where(low, x + spacing * random.uniform(-1, 1, x.shape), relative(x))

    return rounding


def to_nearest(u: float) -> Rounding:
    """The nearest number of the type with unit roundoff u, overflow included."""
    if u in TYPES:
        return lambda x: x.astype(TYPES[u]).astype(float)

    def grid(x: Array) -> Array:
        mantissa, exponent = np.frexp(x)
        return np.ldexp(np.rint(mantissa / u) * u, exponent)

    return grid


class Arithmetic:
    """Makes numbers that err in every operation.

    rounding   takes the exact result of an operation, returns what a processor might give
    """

    def __init__(self, rounding: Rounding):
        self.rounding = rounding
        self.kind = type("Erring", (Erring,), {"arithmetic": self})

    def __call__(self, x: Any) -> Erring:
        """x with an error, as numbers whose operations err."""
        return self.exactly(self.rounding(np.asarray(x, dtype=float)))

    def exactly(self, x: Any) -> Erring:
        """x itself, as numbers whose operations err."""
        return np.asarray(x).view(self.kind)  # type: ignore[return-value]

    def blocks(self, blocks: Blocks) -> Blocks:
        return {name: self(block) for name, block in blocks.items()}


class Erring(np.ndarray):
    """An array whose ufuncs, sums and products return results with an error.

    Each Arithmetic has its own subclass: NumPy keeps the class where it loses attributes.
    """

    arithmetic: Arithmetic
    __array_priority__ = 1.0  # so that np.concatenate returns it

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        call = ufunc if method == "__call__" else getattr(ufunc, method)
        exact = call(*[plain(x) for x in inputs], **options)
        if getattr(exact, "dtype", np.dtype(object)).kind != "f":  # None of `at`, pairs, truths
            return exact
        found = self.arithmetic(exact)
        if out is None:
            return found
        plain(out[0])[...] = plain(found)
        return out[0]

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        # NumPy's own scalars would not err
        return part if isinstance(part, Erring) else self.arithmetic.exactly(part)


def plain(x: Any) -> Any:
    """The same numbers as an ordinary array."""
    return x.view(np.ndarray) if isinstance(x, Erring) else x
