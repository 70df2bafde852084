"""Constraint sets Λ for the hyperparameters, and the Euclidean projections onto them."""

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

    A subclass defines `nearest(x)`, the projection of a flat x.

    project(x)             the nearest point of the set, with the shape of x
    contains(x, tol=1e-9)  whether x is in the set, each entry to within tol · max(1, |x|)

    Cost     O(n) or O(n log n) for n entries; see each subclass
    Source   projection theorem: a closed convex set has exactly one point nearest to x

    Example
        >>> unit = hgref.constraints.Simplex()
        >>> isinstance(unit, hgref.constraints.Constraint)
        True
        >>> unit.contains([0.25, 0.75]), unit.contains([1.0, 1.0])
        (True, False)
    """

    def project(self, x: Any) -> Any:
        """P(x), with the shape of x."""
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
    """argmin ‖y − x‖ over lo ≤ y ≤ hi:  y = min(max(x, lo), hi), entry by entry.

    lo, hi   numbers, or arrays (n,) with one entry for each entry of x; −inf and inf mean no bound
    Raises   ValueError if lo > hi anywhere
    Cost     O(n)
    Exact    without rounding
    Source   elementary: each entry is projected on its own

    Example
        >>> box = hgref.constraints.Box(0, 1)
        >>> box.project(np.array([-1.0, 0.5, 3.0])).tolist()
        [0.0, 0.5, 1.0]
        >>> box.contains(0.3)
        True
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
    """argmin ‖y − x‖ over y ≥ 0:  y = max(x, 0).

    Cost     O(n)
    Exact    without rounding
    Source   elementary: each entry is projected on its own

    Example
        >>> hgref.constraints.NonNegative().project(np.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __init__(self) -> None:
        super().__init__(0.0, np.inf)

    def __repr__(self) -> str:
        return "NonNegative()"


class CappedBox(Constraint):
    """argmin ‖y − x‖ over 0 ≤ y ≤ 1, Σy ≤ R: the set Λ of data hyper-cleaning.    eq. (PHO)

        y = clip(x, 0, 1)          if its sum is at most R,
        y = clip(x − τ, 0, 1)      otherwise, with the τ > 0 for which the sum is R

    Σ clip(x − τ, 0, 1) is a decreasing, piecewise linear function of τ with breakpoints x_i and
    x_i − 1. Sorting finds the piece on which it equals R, and one division gives τ on that piece.

    R        bound on the sum, at least 0
    Raises   ValueError if R < 0
    Cost     O(n log n)
    Exact    to rounding; there is no iteration and no tolerance
    Source   Franceschi et al. 2017, section 5.1 (the set of PHO); search over breakpoints as for
             the continuous knapsack problem

    Example
        >>> capped = hgref.constraints.CappedBox(1.5)
        >>> capped.project(np.array([2.0, 0.75, 0.5])).tolist()
        [1.0, 0.375, 0.125]
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
        # measured from the ⌈R⌉-th largest entry, τ is small: no cancellation
        rank = x.size - int(np.ceil(self.R))
        with np.errstate(over="ignore"):
            near = np.clip(x - np.partition(x, rank)[rank], -2, 2)
        return np.clip(near - self.shift(near), 0, 1)

    def shift(self, x: Array) -> float:
        """τ with Σ clip(x − τ, 0, 1) = R."""
        x = np.sort(x)
        below = np.concatenate([[0.0], np.cumsum(x)])  # sums of the 0, 1, 2 … smallest entries
        bends = np.sort(np.concatenate([x, x - 1]))
        low, high = np.searchsorted(x, bends), np.searchsorted(x, bends + 1)
        free = high - low  # how many entries lie in [0, 1) after the shift
        totals = (x.size - high) + below[high] - below[low] - free * bends
        j = np.flatnonzero(totals >= self.R)[-1]  # τ lies between breakpoints j and j + 1
        middle = bends[j] if j + 1 == bends.size else (bends[j] + bends[j + 1]) / 2
        inside = (x > middle) & (x < middle + 1)
        if not inside.any():
            return bends[j]
        ones = np.count_nonzero(x >= middle + 1)
        return (x[inside].sum() + ones - self.R) / np.count_nonzero(inside)


class Simplex(Constraint):
    """argmin ‖y − x‖ over y ≥ 0, Σy = z:  y = max(x − τ, 0), with τ such that the sum is z.

    z        the sum, above 0
    Raises   ValueError if z <= 0 or x is empty
    Cost     O(n log n): τ is computed from the sorted entries
    Exact    to rounding
    Source   Duchi, Shalev-Shwartz, Singer and Chandra 2008

    Example
        >>> simplex = hgref.constraints.Simplex(1.0)
        >>> simplex.project(np.array([1.0, 0.5, -2.0])).tolist()
        [0.75, 0.25, 0.0]
    """

    def __init__(self, z: float = 1.0):
        self.z = read_size("Simplex z", z)
        if self.z == 0:
            raise ValueError("Simplex z: expected a number > 0, found 0")

    def __repr__(self) -> str:
        return f"Simplex({self.z})"

    def nearest(self, x: Array) -> Array:
        if x.size == 0:
            raise ValueError("x: expected at least one entry, found none")
        with np.errstate(over="ignore"):
            x = np.maximum(x - x.max(), -2 * self.z)  # P(x + c) = P(x); avoids cancellation
        down = np.sort(x)[::-1]
        taus = (np.cumsum(down) - self.z) / np.arange(1, x.size + 1)
        count = np.flatnonzero(down > taus)[-1]  # the largest support with positive entries
        return np.maximum(x - taus[count], 0)


class L1Ball(Constraint):
    """argmin ‖y − x‖ over Σ|y| ≤ R.

        y = x                              if Σ|x| ≤ R,
        y = sign(x) P(|x|)                 otherwise, with P the projection onto Simplex(R)

    R        radius, at least 0
    Raises   ValueError if R < 0
    Cost     O(n log n)
    Exact    to rounding
    Source   Duchi, Shalev-Shwartz, Singer and Chandra 2008

    Example
        >>> ball = hgref.constraints.L1Ball(1.0)
        >>> ball.project(np.array([1.0, -0.5])).tolist()
        [0.75, -0.25]
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
    """argmin ‖y − x‖ over y ≥ 0, Σy ≤ R: the projection of max(x, 0) onto L1Ball(R).

    R        bound on the sum, at least 0
    Raises   ValueError if R < 0
    Cost     O(n log n)
    Exact    to rounding
    Source   Duchi, Shalev-Shwartz, Singer and Chandra 2008

    Example
        >>> capped = hgref.constraints.CappedSum(1.0)
        >>> capped.project(np.array([1.0, 0.5, -2.0])).tolist()
        [0.75, 0.25, 0.0]
    """

    def __init__(self, R: float):
        self.R = read_size("CappedSum: R", R)

    def __repr__(self) -> str:
        return f"CappedSum({self.R})"

    def nearest(self, x: Array) -> Array:
        return L1Ball(self.R).nearest(np.maximum(x, 0))


class Symmetric(Constraint):
    """argmin ‖Y − X‖ over Y = Yᵀ, Y ∈ `within`: the projection of (X + Xᵀ)/2 onto `within`.

    X − (X + Xᵀ)/2 is orthogonal to every symmetric matrix, and the projection onto a set that is
    closed under transposition maps symmetric matrices to symmetric ones. So the two projections can
    be applied one after the other.

    within   None, or a set that treats all entries alike: NonNegative(), CappedSum(R), L1Ball(R),
             Simplex(z), CappedBox(R), or Box(lo, hi) with two numbers
    X        (K, K), or flat (K²,)
    Raises   ValueError if X has another shape; TypeError if `within` is not a constraint
    Cost     O(K²) plus the cost of `within`
    Exact    to rounding
    Source   elementary: orthogonal projection onto the symmetric matrices

    Example
        >>> symmetric = hgref.constraints.Symmetric(hgref.constraints.NonNegative())
        >>> symmetric.project(np.array([[1.0, 2.0], [4.0, -1.0]])).tolist()
        [[1.0, 3.0], [3.0, 0.0]]
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
        """P(x), with the shape of x."""
        x = as_array("x", x)
        K = round(x.size**0.5)
        if x.shape not in ((K, K), (K * K,)):
            raise ValueError(f"x: expected a square matrix (K, K) or (K²,), found shape {x.shape}")
        X = x.reshape(K, K)
        even = (X / 2 + X.T / 2).reshape(x.shape)
        return even if self.within is None else self.within.project(even)


class Product(Constraint):
    """argmin over a product of sets: projects each named block of λ onto its own set.

        Product(weights=CappedBox(1000), eta=NonNegative()).project(lam)

    sets     {name: constraint}, as keywords or as one mapping; blocks not named are unconstrained
    problem  needed only to project a plain vector. A mapping, a vector from `pack`, and every λ in
             `minimize` and `realtime` carry the names of their blocks
    Raises   ValueError if a name is not a block of λ; TypeError for a plain vector without problem
    Cost     the sum over the sets
    Exact    as exact as the sets
    Source   elementary: each block is projected on its own

    Example
        >>> product = hgref.constraints.Product(eta=hgref.constraints.Box(0, 1))
        >>> product.project({"eta": np.array(1.5), "mu": np.array(0.9)})["eta"].tolist()
        1.0
        >>> product.contains({"eta": 1.5, "mu": 0.9})
        False
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
        """P(x): a mapping if x is a mapping, otherwise a flat vector."""
        blocks, layout = self.read(x)
        nearest = {n: self.sets[n].project(b) if n in self.sets else b for n, b in blocks.items()}
        return nearest if layout is None else layout.point(layout.flatten(nearest))

    def contains(self, x: Any, tol: float = 1e-9) -> bool:
        """Whether every named block is in its set."""
        blocks, _ = self.read(x)
        return all(constraint.contains(blocks[n], tol) for n, constraint in self.sets.items())

    def read(self, x: Any) -> tuple[Mapping[str, Any], Layout | None]:
        """The blocks of x, and their layout if x is flat (None for a mapping)."""
        layout = layout_of(x)
        if isinstance(x, Mapping):
            blocks = x
        elif self.problem is not None:
            run = self.problem.read(x)
            blocks, layout = run.theta, run.layout
        elif layout is not None:
            blocks = layout.split(as_array("lam", x))
        else:
            raise TypeError(
                "Product: expected a mapping or a vector from `pack`; to project a plain vector, "
                "use Product(problem, …)"
            )
        for name in self.sets:
            require_known(name, blocks, "hyperparameter")
        return blocks, layout


def read_bound(name: str, value: Any) -> Array:
    """The bound as floats; infinities are allowed, NaN is not."""
    bound = asarray(name, value)
    if bound.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected real numbers, found {bound.dtype}")
    return bound.astype(float)


def read_size(name: str, value: Any) -> float:
    """A finite real number, at least 0."""
    number = as_array(name, value, ())
    if number.dtype.kind != "f":
        raise TypeError(f"{name}: expected a real number, found {value!r}")
    size = float(number)
    if size < 0:
        raise ValueError(f"{name}: expected a number >= 0, found {size}")
    return size
