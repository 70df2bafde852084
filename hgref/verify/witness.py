"""Independent witnesses: they judge a gradient and share no derivative code with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, as_count
from hgref.layout import alike
from hgref.problem import Problem

__all__ = ["Taylor", "adjoint_gap", "central_differences", "complex_step", "taylor"]

Function = Callable[[Array], Any]
CONTRADICTED = 4  # times the gap between two slopes that contradict each other
EPS = float(np.finfo(float).eps)


def complex_step(f: Function, x: Any, directions: Any = None, h: float = 1e-30) -> Array:
    """∇f(x) as Im f(x + i h e_j) / h: no difference is taken, so nothing cancels.

    f           a function of a flat vector that computes with complex numbers, e.g. `problem.f`
    x           (m,) real point
    directions  (m, k) columns along which to differentiate; default the unit vectors
    h           size of the imaginary step
    returns     (m,), or (k,) slopes along the directions
    Raises      TypeError if f returns a real number: it dropped the imaginary part
    Cost        m (or k) evaluations of f in complex arithmetic
    Exact       to rounding: the error of the method is h² = 1e-60
    Beware      |x|, max and conj are not analytic: an f that applies them to x gives wrong slopes
    Source      Squire and Trapp 1998, SIAM Review 40

    Example
        >>> hgref.witness.complex_step(lambda x: np.sum(x**3), [1.0, 2.0])
        array([ 3., 12.])
    """
    x = alike(as_array("x", x, ("m",)), x)
    V = np.eye(x.size) if directions is None else as_array("directions", directions, (x.size, "k"))
    slopes = []
    for v in V.T:
        value = np.asarray(f(x + 1j * h * v))[()]
        if not np.iscomplexobj(value):
            raise TypeError("f: expected a complex value at a complex x, found a real one")
        slopes.append(value.imag / h)
    return np.array(slopes)


def central_differences(
    f: Function,
    x: Any,
    directions: Any = None,
    h: float = 0.01,
    levels: int = 10,
    *,
    enough: float = 0.0,
    roundoff: float = EPS / 2,
) -> tuple[Array, Array]:
    """∇f(x) by central differences, extrapolated to step 0 (Richardson), with an error estimate.

        D_0(h) = (f(x + h v) − f(x − h v)) / 2h
        D_k(h) = D_{k-1}(h) + (D_{k-1}(h) − D_{k-1}(4h)) / (16^k − 1)

    The estimate for D_k(h) is how far D_k(h), D_k(4h) and D_k(16h) are apart, and the noise of f,
    seen in its second differences, divided by h. The D_k(h) with the smallest estimate is returned.

    f           a function of a flat vector, e.g. `problem.f`
    x           (m,) point
    directions  (m, k) columns; default the unit vectors, each step relative to |x_j|
    h           the first step, times |x_j| where x_j is not 0; each is a quarter of the one before
    levels      number of steps: with 10 the last is 4e-8 |x_j|
    enough      relative error at which smaller steps are left out
    roundoff    u of the type that f computes in
    returns     (slopes (m,) or (k,), estimated absolute errors, same shape)
    Raises      ValueError if f is not finite at three steps in a row
    Cost        2 · levels evaluations of f for each direction, and one at x
    Exact       to about 1e-10 relative for smooth f; see the estimate
    Beware      steps that leave f's domain (f raises ValueError or ArithmeticError, or is not
                finite) are skipped; only smaller ones count. Where f has kinks, only steps that
                cross none agree, so the estimate is larger
    Source      Ridders 1982, Advances in Engineering Software 4

    Example
        >>> f = lambda x: np.sum(x**3)
        >>> slopes, errors = hgref.witness.central_differences(f, [1.0, 2.0])
        >>> np.allclose(slopes, [3.0, 12.0], rtol=1e-9), bool(errors.max() < 1e-8)
        (True, True)
    """
    x = alike(as_array("x", x, ("m",)), x)
    levels = as_count("levels", levels, 3)
    if directions is None:
        V = np.diag(np.where(x == 0, 1.0, np.abs(x)))
        scale = np.diag(V)
    else:
        V = as_array("directions", directions, (x.size, "k"))
        scale = np.ones(V.shape[1])
    at_x = float(f(x))  # raises f's own error if x is outside its domain
    ladder = [h / 4**level for level in range(levels)]
    pairs = [extrapolated(f, x, v, at_x, ladder, enough, roundoff) for v in V.T]
    slopes, errors = np.array(pairs, dtype=float).reshape(-1, 2).T
    return slopes / scale, errors / scale


def extrapolated(
    f: Function, x: Array, v: Array, at_x: float, ladder: list[float], enough: float, u: float
) -> tuple[float, float]:
    """(slope of f along v, its estimated error): the entry of the tableau that moved least."""
    rows: list[list[float]] = []
    entries: list[tuple[float, float, float]] = []  # D_k(h), how far it moved, h
    bends: list[float] = []  # f(x + hv) − 2 f(x) + f(x − hv) = h² f'' + O(h⁴) + noise of f
    for step in ladder:
        up, down = quiet(f, x + step * v), quiet(f, x - step * v)
        row = [(up - down) / (2 * step)]
        if not np.isfinite(row[0]):
            continue
        if up == down == at_x and any(rows[0] if rows else []):
            if not entries:  # or is flat between kinks that the larger steps crossed
                return 0.0, max(abs(row[0]) for row in rows)
            break  # f rounds x by more than this step
        bends.append(up - 2 * at_x + down)
        for k, coarser in enumerate(rows[-1] if rows else []):
            row.append(row[k] + (row[k] - coarser) / (16.0 ** (k + 1) - 1))
        rows.append(row)
        for k in range(len(row) - 2):
            moved = max(abs(row[k] - rows[-2][k]), abs(rows[-2][k] - rows[-3][k]))
            entries.append((row[k], moved, step))
        agreed = any(moved < enough * abs(D) for D, moved, _ in entries)
        if agreed:
            break
    if not entries:
        raise ValueError("f: expected finite values around x, found none at three steps in a row")
    noise = 2 * u * abs(at_x)
    if not agreed:  # three steps that agree to `enough` have little noise
        noise = max(noise, *(abs(b - a / 16) for a, b in pairwise(bends[-5:])))  # without h² f''
    # x + h v is rounded too, which changes h by about u
    slopes, moved, steps = np.array(entries).T
    errors = np.maximum(moved, (noise + 2 * u * np.abs(slopes)) / steps)
    # between kinks that it crosses, a large step sees their mean: smaller steps overrule it
    apart = np.abs(slopes[:, None] - slopes) - errors
    apart[steps[:, None] <= steps] = 0.0
    errors = np.maximum(errors, CONTRADICTED * apart.max(axis=1))
    best = int(np.argmin(errors))
    return float(slopes[best]), float(errors[best])


def signed(x: Array, size: tuple[int, int], seed: int) -> Array:
    """Columns of ±|x_j| with random signs, ±1 where x_j is 0."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size)
    return signs * np.where(x == 0, 1.0, np.abs(x))[:, None]


def quiet(f: Function, x: Array) -> float:
    """f(x), or NaN if f is not defined there."""
    try:
        return float(f(x))
    except (ValueError, ArithmeticError):
        return np.nan


@dataclass(frozen=True)
class Taylor:
    """How fast the Taylor remainder of a gradient falls with the step.

    h          (levels,) steps, each half of the one before
    remainder  (levels,) |f(x + h v) − f(x) − h ∇f·v|, less ½ h² v·Hv for order 2
    slope      log2(remainder[j] / remainder[j+1]) for the last j where both are above rounding:
               2 for a right gradient (3 where f has no curvature), 1 for a wrong one, inf if
               there is no such j; for order 2: 3 for a right Hessian, 2 for a wrong one
    """

    h: Array
    remainder: Array
    slope: float


def taylor(
    f: Function,
    grad: Any,
    x: Any,
    v: Any = None,
    h: float = 0.1,
    levels: int = 16,
    seed: int = 0,
    order: int = 1,
    hessian: Any = None,
) -> Taylor:
    """The Taylor remainder of f at x along v: it falls as h² if and only if `grad` is right.

        R(h) = |f(x + h v) − f(x) − h ∇f(x)·v| = O(h²)
        R(h) = |f(x + h v) − f(x) − h ∇f(x)·v − ½ h² v·Hv| = O(h³)          order 2

    f        a function of a flat vector, e.g. `problem.f`
    grad     (m,) the gradient to judge
    x        (m,) point
    v        (m,) direction; default random signs, each times |x_j| (or 1 where x_j is 0)
    h        the first step; levels: number of halvings; seed: of the random direction
    order    1 judges the gradient; 2 the Hessian, where the gradient is right
    hessian  (m, m), or a function v ↦ H v (m,); wanted for order 2
    returns  Taylor: steps, remainders and the slope
    Cost     levels + 1 evaluations of f
    Exact    the slope to some hundredths, if f is smooth at the scale of the steps
    Beware   along a direction in which f has no curvature the slope is 3
    Source   the adjoint community's test (pyadjoint, pymanopt)

    Example
        >>> f = lambda x: np.sum(x**3)
        >>> right = hgref.witness.taylor(f, [3.0, 12.0], [1.0, 2.0])
        >>> wrong = hgref.witness.taylor(f, [3.0, 12.1], [1.0, 2.0])
        >>> round(right.slope, 1), round(wrong.slope, 1)
        (2.0, 1.0)
    """
    x = alike(as_array("x", x, ("m",)), x)
    grad = as_array("grad", grad, x.shape)
    if v is None:
        v = signed(x, (x.size, 1), seed)[:, 0]
    v = as_array("v", v, x.shape)
    curvature = curvature_along(order, hessian, v)
    steps = h / 2.0 ** np.arange(as_count("levels", levels, 2))
    f_0, slope = float(f(x)), float(grad @ v)
    values = np.array([quiet(f, x + step * v) for step in steps])
    remainder = np.abs(values - f_0 - steps * slope - steps**2 * curvature / 2)
    floor = 1e5 * np.finfo(float).eps * np.maximum(np.abs(values), abs(f_0))
    above = np.flatnonzero(remainder > floor)
    pairs = [j for j in above if j + 1 in above]
    found = np.log2(remainder[pairs[-1]] / remainder[pairs[-1] + 1]) if pairs else np.inf
    return Taylor(steps, remainder, float(found))


def curvature_along(order: int, hessian: Any, v: Array) -> float:
    """v·Hv for order 2, 0 for order 1."""
    if as_count("order", order, 1, 2) == 1:
        return 0.0
    if hessian is None:
        raise ValueError("hessian: expected a matrix, or a function v ↦ H v, for order 2")
    Hv = hessian(v) if callable(hessian) else as_array("hessian", hessian, (v.size, v.size)) @ v
    return float(v @ as_array("hessian", Hv, v.shape))


def adjoint_gap(problem: Problem, lam: Any, t: int = 1, s: Any = None, seed: int = 0) -> float:
    """How far jvp and vjp of step t are from being transposes of each other.

        |α·(A ds + B dλ) − (αA·ds + αB·dλ)| / (|α|·|A ds + B dλ|)              eq. (11)

    lam      (m,) the point λ, or a mapping of names
    t        step number, 1 … T
    s        (d,) the state s_{t-1}; default the start s_0
    seed     of the random ds, dλ, α
    returns  the relative gap: about 1e-13, which is rounding, if they agree
    Cost     one jvp with one column, one vjp
    Exact    to rounding
    Beware   misses a mistake that is the same in both; the other witnesses see it
    Source   the dot-product test of inverse-problem practice

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.Momentum(J), J, T=10)
        >>> hgref.witness.adjoint_gap(problem, {"eta": 0.1, "mu": 0.9}, t=3) < 1e-12
        True
    """
    t, run = as_count("t", t, 1, problem.T), problem.at(lam)
    s = run.start() if s is None else as_array("s", s, (problem.d,))
    step, random = run.dynamics.at(run.before + t, s, run.lam), np.random.default_rng(seed)
    ds, alpha = random.standard_normal(problem.d), random.standard_normal(problem.d)
    dlam = run.layout.split(random.standard_normal(run.layout.size))
    columns = {name: block[..., None] for name, block in dlam.items()}
    down = step.jvp(ds[:, None], run.push(columns))[:, 0]
    row, share = step.vjp(alpha)
    share = run.pull(share)
    there = alpha @ down
    back = row @ ds + sum(np.sum(b * dlam[name]) for name, b in share.items())
    return float(abs(there - back) / (np.linalg.norm(alpha) * np.linalg.norm(down) or 1.0))
