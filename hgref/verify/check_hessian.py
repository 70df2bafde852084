"""Is this the Hessian of f? The matrix of second derivatives, row block by row block."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array, require_shape
from hgref.hypergradient.hessian import hessian
from hgref.hypergradient.reverse import reverse
from hgref.layout import Layout
from hgref.problem import Problem
from hgref.verify.candidate import Numbers, coarsest
from hgref.verify.check import DIGIT, compare
from hgref.verify.report import RIGHT, UNDECIDED, WRONG, BlockReport, Report, off_by
from hgref.verify.rounding import FLOAT64, norm
from hgref.verify.testimony import heard
from hgref.verify.witness import central_differences, signed

MOVES = 3  # Hessians near λ, by which the effect of rounding is measured
MOVED = 16  # units of rounding by which λ and w0 are moved
BEYOND = 10  # times that change is a mistake
CLOSE = 1e-9  # relative: a gradient and the differences of f are as close, at least
TINY = float(np.finfo(float).tiny)


def check_hessian(problem: Problem, lam: Any, candidate: Any, seed: int = 0) -> Report:
    """Whether `candidate` is ∇²f(λ): right, wrong, or undecided, with the reason.

        right   ‖candidate − ∇²f‖ ≤ tolerance, for the rows of each block of λ

    lam        (m,) the point λ, or a mapping of names
    candidate  (m, m), or a mapping of some blocks to their rows, {"eta": (…, m)}; arrays, tensors
               or decimal strings
    seed       of the random direction and of the moves
    returns    Report: `.verdict`, `.reason`, true only if the candidate is right. The witness is
               the difference of ∇f along a random direction; undecided if ∇f is not that of f
    Raises     ValueError, TypeError for a bad λ or candidate, and as `hgref.hessian`
    Cost       4 m reverses on complex numbers, and about twenty reverses
    Exact      the tolerance is how far the Hessian moves where λ and w0 do, by 16 units of
               rounding, times 10; and what rounding does to the candidate's own numbers
    Beware     a candidate that is not symmetric is wrong
    Source     hgref.hessian, whose digits the test vectors certify

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=3)
        >>> H = hgref.hessian(problem, [0.1])
        >>> hgref.check_hessian(problem, [0.1], H).verdict
        'right'
        >>> hgref.check_hessian(problem, [0.1], 1.01 * H).verdict
        'wrong'
    """
    run, rng = problem.at(lam), np.random.default_rng(seed)
    layout, g = run.layout, reverse(problem, lam)
    rows, roundoff = read_rows(candidate, layout)
    H = hessian(problem, lam)
    moves = [hessian(*moved(problem, run.theta, rng)) - H for _ in range(MOVES)]
    spread = np.max(np.abs(moves), axis=0) + problem.T * FLOAT64 * np.abs(H)
    blocks, limits = [], []
    for name, given in rows.items():
        true = H[layout.slices[name]]
        limits.append(BEYOND * norm(spread[layout.slices[name]]) + 4 * roundoff * norm(true))
        blocks.append(judged(name, given, true, limits[-1]))
    chosen = np.concatenate([layout.numbers()[name].reshape(-1) for name in rows])
    v, u = signed(run.point, (layout.size, 1), seed)[:, 0], rng.standard_normal(len(chosen))
    slope, error = difference(problem, layout, chosen, v, u, run.point)
    own, claimed = u @ H[chosen] @ v, u @ np.concatenate(list(rows.values())) @ v
    limit = 10 * error + norm(u) * norm(v) * sum(limits)
    about = np.array([slope]), np.array([claimed]), np.array([limit]), max(abs(slope), TINY)
    witness = heard("difference of ∇f", *about, abs(slope - own) <= limit)
    missing = tuple(name for name in layout.shapes if name not in rows)
    slopes, errors = central_differences(problem.f, run.point, v[:, None])
    doubt = None
    if abs(slopes[0] - g.grad @ v) > 10 * errors[0] + CLOSE * norm(g.grad) * norm(v):
        doubt = "the functions of the problem contradict each other: ∇f is not the gradient of f"
    elif not witness.consistent:
        doubt = "the difference of ∇f contradicts the Hessian"
    return Report(tuple(blocks), (witness,), missing, roundoff, float(g.f), layout, doubt)


def read_rows(candidate: Any, layout: Layout) -> tuple[dict[str, Array], float]:
    """({name: (k, m) rows}, the unit roundoff of their numbers)."""
    m = layout.size
    if not isinstance(candidate, Mapping):
        whole = Numbers.read("candidate", candidate)
        require_shape("candidate", whole.values.shape, (m, m))
        parts = layout.slices.items()
        return {name: whole.values[part] for name, part in parts}, coarsest([whole])
    chosen, read = layout.select(candidate), []
    for name, shape in chosen.shapes.items():
        read.append(Numbers.read(f"candidate {name}", candidate[name]))
        require_shape(f"candidate {name}", read[-1].values.shape, (*shape, m))
    pairs = zip(chosen.shapes, read, strict=True)
    return {name: numbers.values.reshape(-1, m) for name, numbers in pairs}, coarsest(read)


def moved(problem: Problem, theta: Any, rng: np.random.Generator) -> tuple[Problem, Any]:
    """The problem and λ, moved by some units of rounding."""

    def near(x: Array) -> Array:
        return x * (1 + MOVED * FLOAT64 * rng.choice([-1.0, 1.0], np.shape(x)))

    other = copy.copy(problem)
    other.w0 = near(problem.w0)
    return other, {name: near(np.asarray(x, float)) for name, x in theta.items()}


def judged(name: str, given: Array, true: Array, allowed: float) -> BlockReport:
    found, error, size = compare(given, true, allowed), norm(given - true), norm(true)
    verdict, reason = RIGHT, None
    if not error <= allowed:
        verdict, reason = WRONG, off_by(name, found[0], found[1], *found[4:])
    elif allowed > DIGIT * size > 0:
        verdict = UNDECIDED
        reason = (
            f"no digit of the rows of {name} can be known: rounding moves them by {found[1]:.0e}"
        )
    return BlockReport(name, verdict, reason, *found)


def difference(
    problem: Problem, layout: Layout, chosen: Array, v: Array, u: Array, x: Array
) -> tuple[float, float]:
    """u·H v by differences of u·∇f along v, and their estimated error."""

    def slope(x: Array) -> float:
        return float(u @ reverse(problem, layout.point(x)).grad[chosen])

    slopes, errors = central_differences(slope, x, v[:, None])
    return float(slopes[0]), float(errors[0])
