"""Λ: sets of hyperparameters and the Euclidean projections onto them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, asarray, require_known, require_shape
from hgref.layout import Layout, layout_of

__all__ = [
    "Box",
    "CappedBox",
    "CappedSum",
    "Constraint",
    "L1Ball",
    "NonNegative",
    "Product",
    "Simplex",
    "Symmetric",
]


class Constraint:
    """A closed convex set with its projection P(x) = argmin { ‖y − x‖ : y in the set }.

    project(x)             the nearest point, shaped like x
    contains(x, tol=1e-9)  whether x is in the set, each entry up to tol · max(1, |x|)

    Cost     O(n) or O(n log n) for the n entries of x: each subclass tells
    Source   the projection theorem: of a closed convex set the nearest point is one
    """

    def project(self, x: Any) -> Any:
        """P(x), shaped like x."""
        x = as_array("x", x)
        return self.nearest(x.reshape(-1)).reshape(x.shape)

    def contains(self, x: Any, tol: float = 1e-9) -> bool:
        """Whether the projection of x moves no entry by more than tol · max(1, |x|)."""
        x = as_array("x", x)
        return bool(np.all(np.abs(self.project(x) - x) <= tol * np.maximum(1, np.abs(x))))

    def nearest(self, x: Array) -> Array:
        """P(x) for a flat x."""
        raise NotImplementedError


class Box(Constraint):
    """argmin ‖y − x‖ over lo ≤ y ≤ hi, entry by entry: min(max(x, lo), hi).

    lo, hi   numbers, or arrays (n,) with as many entries as x; −inf and inf: no bound
    Raises   ValueError where lo > hi
    Cost     O(n)
    Exact    no rounding at all
    Source   separable; the textbook's
    """

    def __init__(self, lo: Any, hi: Any):
        self.lo, self.hi = read_bound("Box lo", lo), read_bound("Box hi", hi)
        if self.lo.ndim and self.hi.ndim:
            require_shape("Box hi", self.hi.shape, self.lo.shape)
        if not (self.lo <= self.hi).all():
            raise ValueError(f"Box: expected lo <= hi, found lo = {lo}, hi = {hi}")

    def __repr__(self) -> str:
        return f"Box({self.lo.tolist()}, {self.hi.tolist()})"

    def nearest(self, x: Array) -> Array:
        for name, bound in (("lo", self.lo), ("hi", self.hi)):
            if bound.ndim and bound.size != x.size:
                raise ValueError(f"x: expected {bound.size} entries as Box {name}, found {x.size}")
        return np.clip(x, self.lo.reshape(-1), self.hi.reshape(-1))


class NonNegative(Box):
    """argmin ‖y − x‖ over y ≥ 0: max(x, 0).

    Cost     O(n)
    Exact    no rounding at all
    Source   the textbook's
    """

    def __init__(self) -> None:
        super().__init__(0.0, np.inf)

    def __repr__(self) -> str:
        return "NonNegative()"


class CappedBox(Constraint):
    """argmin ‖y − x‖ over 0 ≤ y ≤ 1, Σy ≤ R: the Λ of data hyper-cleaning.       eq. (PHO)

        y = clip(x, 0, 1)          where that sums to at most R,
        y = clip(x − τ, 0, 1)      otherwise, with the τ > 0 that makes the sum R

    Σ clip(x − τ, 0, 1) falls piecewise linearly in τ and bends at the x_i and x_i − 1: the piece
    in which it passes R is found by sorting, and τ on it by one division.

    R        bound on the sum, at least 0
    Cost     O(n log n)
    Exact    to rounding; no iteration, no tolerance
    Source   Franceschi et al. 2017, section 5.1, the set of (PHO); the solution by breakpoints is
             the textbook's for the continuous knapsack problem
    """

    def __init__(self, R: float):
        self.R = read_size("CappedBox: R", R)

    def __repr__(self) -> str:
        return f"CappedBox({self.R})"

    def nearest(self, x: Array) -> Array:
        if np.clip(x, 0, 1).sum() <= self.R:
            return np.clip(x, 0, 1)
        if self.R == 0:
            return np.zeros_like(x)
        # relative to the ⌈R⌉-th largest entry τ is a small number, and nothing cancels
        rank = x.size - int(np.ceil(self.R))
        with np.errstate(over="ignore"):
            near = np.clip(x - np.partition(x, rank)[rank], -2, 2)
        return np.clip(near - self.shift(near), 0, 1)

    def shift(self, x: Array) -> float:
        """τ with Σ clip(x − τ, 0, 1) = R."""
        x = np.sort(x)
        below = np.concatenate([[0.0], np.cumsum(x)])  # sums of the smallest 0, 1, … entries
        bends = np.sort(np.concatenate([x, x - 1]))
        low, high = np.searchsorted(x, bends), np.searchsorted(x, bends + 1)
        free = high - low  # entries strictly inside (0, 1) after the shift, or at a bend of it
        totals = (x.size - high) + below[high] - below[low] - free * bends
        j = np.flatnonzero(totals >= self.R)[-1]  # R is passed between bends j and j + 1
        middle = bends[j] if j + 1 == bends.size else (bends[j] + bends[j + 1]) / 2
        inside = (x > middle) & (x < middle + 1)
        if not inside.any():
            return bends[j]
        ones = np.count_nonzero(x >= middle + 1)
        return (x[inside].sum() + ones - self.R) / np.count_nonzero(inside)


class Simplex(Constraint):
    """argmin ‖y − x‖ over y ≥ 0, Σy = z:  y = max(x − τ, 0).

    z        the sum, above 0
    Cost     O(n log n): τ from the sorted entries
    Exact    to rounding
    Source   the textbook's
    """

    def __init__(self, z: float = 1.0):
        self.z = read_size("Simplex: z", z)
        if self.z == 0:
            raise ValueError("Simplex: z: expected a number above 0, found 0")

    def __repr__(self) -> str:
        return f"Simplex({self.z})"

    def nearest(self, x: Array) -> Array:
        if x.size == 0:
            raise ValueError("x: expected at least one entry, found none")
        with np.errstate(over="ignore"):
            x = np.maximum(x - x.max(), -2 * self.z)  # P(x + c) = P(x): nothing cancels
        down = np.sort(x)[::-1]
        taus = (np.cumsum(down) - self.z) / np.arange(1, x.size + 1)
        count = np.flatnonzero(down > taus)[-1]  # the largest support that stays positive
        return np.maximum(x - taus[count], 0)


class L1Ball(Constraint):
    """argmin ‖y − x‖ over Σ|y| ≤ R: the sign of x times the projection of |x| onto Simplex(R).

    R        radius, at least 0
    Cost     O(n log n)
    Exact    to rounding
    Source   the textbook's
    """

    def __init__(self, R: float):
        self.R = read_size("L1Ball: R", R)

    def __repr__(self) -> str:
        return f"L1Ball({self.R})"

    def nearest(self, x: Array) -> Array:
        with np.errstate(over="ignore"):
            if np.abs(x).sum() <= self.R:
                return x.copy()
        if self.R == 0:
            return np.zeros_like(x)
        return np.sign(x) * Simplex(self.R).nearest(np.abs(x))


class CappedSum(Constraint):
    """argmin ‖y − x‖ over { y ≥ 0, Σ y ≤ R }: the projection of max(x, 0) onto L1Ball(R).

    R        a number ≥ 0
    Raises   ValueError for another R
    Cost     O(n log n)
    Exact    to rounding
    Source   Duchi, Shalev-Shwartz, Singer and Chandra 2008
    """

    def __init__(self, R: float):
        self.R = read_size("CappedSum: R", R)

    def __repr__(self) -> str:
        return f"CappedSum({self.R})"

    def nearest(self, x: Array) -> Array:
        return L1Ball(self.R).nearest(np.maximum(x, 0))


class Symmetric(Constraint):
    """argmin ‖Y − X‖ over Y = Yᵀ, Y ∈ `within`: the projection of (X + Xᵀ)/2 onto `within`.

    The nearest point of a set that transposition leaves as it is, to a symmetric matrix, is
    symmetric; and X − (X + Xᵀ)/2 is orthogonal to all symmetric matrices. So one follows the other.

    within   None, or a set that treats all entries alike: NonNegative(), CappedSum(R), L1Ball(R),
             Simplex(z), CappedBox(R), Box(lo, hi) with two numbers
    X        (K, K) or its K² entries
    Raises   ValueError where x is neither a square matrix nor as many numbers in a row
    Cost     O(K²), and that of `within`
    Exact    to rounding
    Source   the textbook's
    """

    def __init__(self, within: Constraint | None = None):
        if not (within is None or isinstance(within, Constraint)):
            raise TypeError(f"within: expected a constraint or None, found {within!r}")
        if isinstance(within, Box) and (within.lo.ndim or within.hi.ndim):
            raise ValueError(f"within: expected a Box with two numbers, found {within!r}")
        self.within = within

    def __repr__(self) -> str:
        return f"Symmetric({'' if self.within is None else self.within})"

    def project(self, x: Any) -> Any:
        """P(x), shaped like x."""
        x = as_array("x", x)
        K = round(x.size**0.5)
        if x.shape not in ((K, K), (K * K,)):
            raise ValueError(f"x: expected a square matrix (K, K) or (K²,), found shape {x.shape}")
        X = x.reshape(K, K)
        even = (X / 2 + X.T / 2).reshape(x.shape)
        return even if self.within is None else self.within.project(even)


class Product(Constraint):
    """argmin over a product of sets: each named block of λ is projected onto its own.

        Product(weights=CappedBox(1000), eta=NonNegative()).project(lam)

    sets     name → constraint, as keywords or as one mapping; a block not named may be anything
    problem  only needed to project a plain vector: one from `pack`, and every λ in `minimize` and
             `realtime`, knows its own blocks, and so does a mapping
    Raises   ValueError for a name that is no block of λ
    Cost     that of the sets
    Exact    as they are
    Source   separable; the textbook's
    """

    def __init__(self, problem: Any = None, /, **sets: Constraint):
        if isinstance(problem, Mapping):
            problem, sets = None, {**problem, **sets}
        if problem is not None and not (hasattr(problem, "read") and hasattr(problem, "layout")):
            raise TypeError(f"Product: expected a problem or sets, found {type(problem).__name__}")
        for name, constraint in sets.items():
            if not isinstance(constraint, Constraint):
                found = type(constraint).__name__
                raise TypeError(f"Product: {name}: expected a constraint, found {found}")
            if problem is not None:
                require_known(name, problem.layout.shapes, "hyperparameter")
        self.problem, self.sets = problem, sets

    def __repr__(self) -> str:
        return f"Product({', '.join(f'{n}={s!r}' for n, s in self.sets.items())})"

    def project(self, x: Any) -> Any:
        """P(x): a mapping where x is one, otherwise a flat vector."""
        blocks, layout = self.read(x)
        nearest = {n: self.sets[n].project(b) if n in self.sets else b for n, b in blocks.items()}
        return nearest if layout is None else layout.point(layout.flatten(nearest))

    def contains(self, x: Any, tol: float = 1e-9) -> bool:
        """Whether each named block is in its set."""
        blocks, _ = self.read(x)
        return all(constraint.contains(blocks[n], tol) for n, constraint in self.sets.items())

    def read(self, x: Any) -> tuple[Mapping[str, Any], Layout | None]:
        """The blocks of x, and their layout where x is flat."""
        layout = layout_of(x)
        if isinstance(x, Mapping):
            blocks = x
        elif self.problem is not None:
            blocks, layout = self.problem.read(x)
        elif layout is not None:
            blocks = layout.split(as_array("lam", x))
        else:
            raise TypeError(
                "Product: expected a mapping or a vector from `pack`; for a plain vector, "
                "Product(problem, …)"
            )
        for name in self.sets:
            require_known(name, blocks, "hyperparameter")
        return blocks, layout


def read_bound(name: str, value: Any) -> Array:
    """Numbers, among which infinities are welcome and NaN is not."""
    bound = asarray(name, value)
    if bound.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected numbers, found {type(value).__name__}")
    return bound.astype(float)


def read_size(name: str, value: Any) -> float:
    number = as_array(name, value, ())
    if number.dtype.kind != "f":
        raise TypeError(f"{name}: expected a real number, found {value!r}")
    size = float(number)
    if size < 0:
        raise ValueError(f"{name}: expected a number >= 0, found {size}")
    return size
