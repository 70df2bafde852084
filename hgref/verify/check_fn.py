"""Is this the gradient of a function? No Problem is needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, as_count, asarray
from hgref.layout import Layout, alike, layout_of
from hgref.verify.candidate import read_candidate
from hgref.verify.check import DIGIT, compare
from hgref.verify.report import RIGHT, UNDECIDED, WRONG, BlockReport, Report, off_by
from hgref.verify.rounding import norm
from hgref.verify.steady import differing
from hgref.verify.testimony import DIRECTIONS, TINY, heard
from hgref.verify.witness import central_differences, signed

FIRST_STEP, LAST_STEP = 1e-2, 1e-7  # times |λ|, for float64


def check_fn(
    f: Callable[[Any], Any],
    grad: Any,
    lam: Any,
    dtype: Any = np.float64,
    directions: Any = None,
    seed: int = 0,
) -> Report:
    """Whether `grad` is the gradient of a function f at λ: right, wrong or undecided.

        right:  |v·grad − slope of f along v| ≤ tolerance,   slope by extrapolated differences

    f           a function of λ, in the form in which `lam` is given
    grad        (m,), or a mapping like `lam`; or a function of λ that returns it
    lam         (m,) the point λ, a mapping of names to arrays, or tensors of PyTorch
    dtype       the type in which f computes: float32 takes larger steps
    directions  None: the m axes and 3 random directions; a number k: k random directions alone;
                or (m, k) columns
    seed        of the random directions
    returns     Report with one block for each name (`lam` for a vector); its true values come from
                the differences. Undecided if f gives two results at one point, is too noisy, or has
                kinks at the scale of the steps
    Raises      ValueError, TypeError for bad arguments, or an f that is not finite around λ
    Cost        20 (m + 3) evaluations of f, or 20 k
    Exact       to the differences' own error estimate, about 1e-10 relative for a smooth f
    Beware      k random directions miss an error that is orthogonal to all of them
    Source      hgref.witness.central_differences

    Example
        >>> hgref.check_fn(lambda x: np.sum(x**2), [2.0, 4.0], [1.0, 2.0]).verdict
        'right'
        >>> bool(hgref.check_fn(lambda x: np.sum(x**2), [2.0, 4.1], [1.0, 2.0]))
        False
        >>> hgref.check_fn(lambda lam: lam["a"] ** 2, {"a": 6.0}, {"a": 3.0}).verdict
        'right'
    """
    point = Given(lam, np.dtype(dtype))
    x, layout, u = point.flat, point.layout, float(np.finfo(point.dtype).eps) / 2
    grad = grad(point.like(x)) if callable(grad) else grad
    given = read_candidate(point.unnamed(grad), layout)
    roundoff = max(given.roundoff, u)

    def value(x: Array) -> float:
        return float(asarray("f", f(point.like(x))).reshape(()))

    ladder = steps(u)
    claimed = np.nan_to_num(layout.gathered(given.blocks))
    doubt = differing(value, x)
    if doubt:
        doubt = f"f is not a function of lam: {doubt}"
    axes = directions is None
    V = read_directions(directions, x, seed)
    slopes, spread = central_differences(value, x, V, **ladder)
    limit = 10 * spread + 4 * roundoff * norm(slopes)
    if axes:
        true, errors = central_differences(value, x, **ladder)
        limit = limit + 10 * errors @ np.abs(V) + 4 * roundoff * np.abs(true) @ np.abs(V)
    else:  # the blocks are judged along the directions alone
        off = np.linalg.pinv(V.T) @ (slopes - V.T @ claimed)
        true, errors = claimed + off, np.abs(np.linalg.pinv(V.T)) @ spread
    size = max(float(np.abs(slopes).max()), TINY)
    witness = heard("central differences", slopes, claimed @ V, limit, size)
    blocks = tuple(
        judged(name, given.blocks[name], true[part].reshape(shape), errors[part], roundoff, doubt)
        for (name, part), shape in zip(layout.slices.items(), layout.shapes.values(), strict=True)
        if name in given.blocks
    )
    missing = tuple(name for name in layout.shapes if name not in given.blocks)
    return Report(blocks, (witness,), missing, roundoff, value(x), layout, doubt)


def steps(u: float) -> dict[str, Any]:
    """The ladder of steps for an f that computes with unit roundoff u, and u."""
    last = max(LAST_STEP, 64 * u)
    first = max(FIRST_STEP, 16 * last)
    levels = math.ceil(math.log(first / last, 4)) + 1
    return {"h": first, "levels": levels, "roundoff": u}


def read_directions(directions: Any, x: Array, seed: int) -> Array:
    """(m, k) columns along which f is differentiated besides the axes."""
    if directions is None or np.ndim(directions) == 0:
        k = DIRECTIONS if directions is None else as_count("directions", directions, 1)
        return signed(x, (x.size, k), seed)
    return as_array("directions", directions, (x.size, "k"))


def judged(
    name: str, given: Array, true: Array, errors: Array, roundoff: float, doubt: str | None
) -> BlockReport:
    """One block beside the differences."""
    error, size = norm(given - true), norm(true)
    tolerance = 10 * norm(errors) + 4 * roundoff * size
    found = compare(given, true, tolerance)
    off, _, _, _, candidate, value = found
    verdict, reason = RIGHT, None
    if doubt is not None and np.isfinite(given).all():
        verdict, reason = UNDECIDED, doubt
    elif not error <= tolerance:
        verdict = WRONG
        reason = off_by(name, off, found[1], candidate, value)
    elif tolerance > DIGIT * size and error > 0 and size > 0:
        verdict = UNDECIDED
        reason = (
            f"f is too noisy, or has kinks at the scale of the steps: the slope in {name} is known "
            f"to {found[1]:.0e} only"
        )
    return BlockReport(name, verdict, reason, *found)


class Given:
    """λ in the form in which a user gave it: a vector, a mapping, tensors.

    flat     (m,) float64;  layout: its blocks, one block `lam` for a vector
    """

    def __init__(self, lam: Any, dtype: np.dtype[Any]):
        if dtype.kind != "f":
            raise TypeError(f"dtype: expected a float type, found {dtype}")
        self.lam, self.named = lam, isinstance(lam, Mapping)
        each = lam if self.named else {"lam": lam}
        tensors = [asarray(n, x).dtype for n, x in each.items() if is_tensor(x)]
        self.dtype = max([dtype, *tensors], key=lambda kind: float(np.finfo(kind).eps))
        arrays = {name: as_array(name, block) for name, block in each.items()}
        if not self.named and arrays["lam"].ndim > 1:
            raise ValueError(f"lam: expected shape (m,), found {arrays['lam'].shape}")
        self.layout = Layout({name: block.shape for name, block in arrays.items()})
        if self.layout.size == 0:
            raise ValueError("lam: expected at least one number, found an empty vector")
        self.flat = self.layout.flatten(arrays)

    def unnamed(self, grad: Any) -> Any:
        """A gradient as a mapping of blocks."""
        return grad if self.named or isinstance(grad, Mapping) else {"lam": grad}

    def like(self, flat: Array) -> Any:
        """A point, in the form of λ and in f's type."""
        blocks = self.layout.split(flat)
        if self.named:
            return {name: self.typed(self.lam[name], block) for name, block in blocks.items()}
        return self.typed(self.lam, blocks["lam"])

    def typed(self, like: Any, block: Array) -> Any:
        block = block.astype(self.dtype)
        if is_tensor(like):
            return like.detach().new_tensor(block, dtype=like.dtype)
        return alike(block, like) if layout_of(like) is not None else block


def is_tensor(x: Any) -> bool:
    """Whether x is a tensor of PyTorch, which its functions expect in place of an array."""
    return hasattr(x, "new_tensor")
