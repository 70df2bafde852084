"""Is this hypergradient right?"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array
from hgref.hypergradient.reverse import reversed_run
from hgref.layout import Layout, alike
from hgref.problem import Hypergradient, Problem
from hgref.run import Run
from hgref.verify.candidate import Candidate, read_candidate
from hgref.verify.report import BlockReport, Report, WitnessReport
from hgref.verify.rounding import tolerances
from hgref.verify.witness import central_differences, complex_step

DIRECTIONS = 3
TINY = float(np.finfo(float).tiny)
FLOAT64 = float(np.finfo(float).eps) / 2
AGREEMENT = 1e-9  # relative difference between two float64 witnesses of an ill-conditioned run


def check(problem: Problem, lam: Any, candidate: Any, seed: int = 0) -> Report:
    """Whether `candidate` is ∇f(λ), judged by REVERSE-HG and by witnesses that do not use it.

        right:  ‖candidate − ∇f‖ ≤ tolerance, block by block

    lam        (m,) the point λ, or a mapping of names
    candidate  (m,), or a mapping of some of the blocks; arrays or tensors, float64 or less
    seed       of the witnesses' random directions
    returns    Report: true if the candidate is right; print it for the details
    Raises     ValueError, TypeError for a bad λ or candidate (NaN is reported as wrong), Diverged
    Cost       six reverses, forward with three tangents, and three complex steps (or differences)
    Exact      the tolerance is measured: ten times the largest error that rounding in the
               candidate's precision causes in this run
    Beware     a float32 result converted to float64 is judged as float64, and found wrong
    Source     Franceschi et al. 2017, Algorithm 1, as the reference

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> bool(hgref.check(problem, [0.1], hgref.reverse(problem, [0.1]).grad))
        True
        >>> print(hgref.check(problem, [0.1], [1.0]))
        hypergradient: WRONG in eta...
    """
    return Trial(problem.at(lam), candidate).report(seed)


class Trial:
    """One check: the run at λ, its true gradient, the candidate, and the rounding allowed.

    run, g     the run, and its gradient by REVERSE-HG
    given      the candidate, read
    allowed    name → absolute tolerance on the 2-norm of a block's error
    """

    def __init__(self, run: Run, candidate: Any):
        self.run, self.g = run, reversed_run(run)
        self.given = read_candidate(candidate, run.layout)
        self.allowed = tolerances(run, self.g, self.given.roundoff)

    def report(self, seed: int = 0) -> Report:
        given, g = self.given, self.g
        blocks = tuple(compare(n, given.blocks[n], g[n], self.allowed[n]) for n in given.names)
        missing = tuple(name for name in g.layout.shapes if name not in given.blocks)
        heard = tuple(hear(self, random_directions(self.run, given, seed)))
        return Report(blocks, heard, missing, given.roundoff, float(g.f), g.layout)


def assert_hypergradient(problem: Problem, lam: Any, candidate: Any, seed: int = 0) -> None:
    """Raise AssertionError, with the report as its message, unless `candidate` is ∇f(λ).

    lam, candidate, seed   as in `check`
    Raises   AssertionError; ValueError, TypeError, Diverged as `check`
    Cost     that of `check`
    Exact    as `check`
    Source   `check`, in a form for test suites

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> g = hgref.reverse(problem, [0.1])
        >>> hgref.assert_hypergradient(problem, [0.1], {"eta": g["eta"]})
    """
    report = check(problem, lam, candidate, seed)
    if not report:
        raise AssertionError(f"\n{report}")


def compare(name: str, candidate: Array, true: Array, tolerance: float) -> BlockReport:
    """One block of the candidate beside the true one."""
    with np.errstate(all="ignore"):
        off = np.abs(candidate - true)
        error = float(np.linalg.norm(off))
        size = float(np.linalg.norm(true)) or 1.0
        cosine = np.sum(candidate * true) / (np.linalg.norm(candidate) * np.linalg.norm(true))
    bad = ~np.isfinite(candidate)
    flat = int(np.argmax(np.where(bad, np.inf, off))) if off.size else 0
    worst = tuple(int(i) for i in np.unravel_index(flat, true.shape)) if true.ndim else ()
    angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))) if np.isfinite(cosine) else np.nan
    error = np.inf if bad.any() else error / size
    values = float(candidate[worst]), float(true[worst])
    return BlockReport(name, error, tolerance / size, angle, worst, *values)


# --- the witnesses ---


def random_directions(run: Run, given: Candidate, seed: int) -> Array:
    """(m, 3) columns of ±|λ_j| (±1 where λ_j is 0) in the candidate's blocks, 0 elsewhere."""
    layout = run.layout
    flat = layout.flatten(run.lam).real.astype(float)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (layout.size, DIRECTIONS))
    present = np.zeros(layout.size)
    for name in given.names:
        present[layout.slices[name]] = 1.0
    return signs * (present * np.where(flat == 0, 1.0, np.abs(flat)))[:, None]


def hear(trial: Trial, V: Array) -> list[WitnessReport]:
    """Compare each witness's slopes along the columns of V with the candidate's and hgref's own."""
    g, given = trial.g, trial.given
    own, claimed = g.grad @ V, np.zeros(V.shape[1])
    slack = np.zeros(V.shape[1])
    for name, block in given.blocks.items():
        rows = V[g.layout.slices[name]]
        claimed = claimed + block.reshape(-1) @ rows
        slack = slack + trial.allowed[name] * np.linalg.norm(rows, axis=0)
    # rounding of the witnesses themselves, which compute in float64
    rounding = slack * (FLOAT64 / given.roundoff)
    size = max(float(np.abs(own).max()), TINY)
    reports = []
    for name, slopes, error in testimony(trial.run, g, V):
        limit = slack + rounding + 10 * error
        gap = np.nan_to_num(np.abs(slopes - claimed), nan=np.inf)
        k = int(np.argmax(gap - limit))
        apart = np.abs(slopes - own) <= 2 * rounding + 10 * error + AGREEMENT * size
        numbers = float(gap[k]) / size, float(limit[k]) / size
        reports.append(WitnessReport(name, *numbers, consistent=bool(apart.all())))
    return reports


def testimony(run: Run, g: Hypergradient, V: Array) -> Iterator[tuple[str, Array, Any]]:
    """(witness, its slopes along the columns of V, its own estimated errors)."""
    yield "reverse", g.grad @ V, 0.0
    with contextlib.suppress(TypeError):  # a Callback without grad_jvp
        yield "forward", forward_slopes(run, V), 0.0
    f, point = run.problem.f, run.point
    try:
        yield "complex step", complex_step(f, point, V), 0.0
    except (TypeError, ValueError, ArithmeticError):  # functions that are not analytic
        yield "central differences", *central_differences(f, point, V)


def forward_slopes(run: Run, V: Array) -> Array:
    """∇f · v by FORWARD-HG; Z has one column for each direction.                    eq. (14)"""
    layout = run.layout
    dlam = {n: V[layout.slices[n]].reshape(*s, -1) for n, s in layout.shapes.items()}
    s, Z = run.start(), run.start_jvp(dlam, V.shape[1])
    for t in range(1, run.T + 1):
        step = run.at(t, s)
        s, Z = step.value, run.jvp(t, step, Z, dlam)
    row, direct = run.error_grad(run.T, s)
    straight = sum(np.tensordot(d, dlam[n], np.ndim(d)) for n, d in direct.items())
    return row @ Z + straight


# --- without a Problem ---


def check_fn(f: Callable[[Array], Any], grad: Any, lam: Any, seed: int = 0) -> Report:
    """Whether `grad` is the gradient of a function f at λ; needs no Problem.

        right:  |v·grad − slope of f along v| ≤ tolerance,   slope by extrapolated differences

    f        a function of a flat real vector (m,)
    grad     (m,), or a function of λ that returns it
    lam      (m,) the point λ
    seed     of the random directions that are tried besides the m axes
    returns  Report with one block, `lam`; its true values come from the differences
    Raises   ValueError, TypeError for bad arguments, or an f that is not finite around λ
    Cost     20 (m + 3) evaluations of f
    Exact    to the differences' own error estimate, about 1e-9 relative
    Beware   the cost grows with m: for a large m, restrict f to a few directions
    Source   hgref.witness.central_differences

    Example
        >>> bool(hgref.check_fn(lambda x: np.sum(x**2), [2.0, 4.0], [1.0, 2.0]))
        True
        >>> bool(hgref.check_fn(lambda x: np.sum(x**2), [2.0, 4.1], [1.0, 2.0]))
        False
    """
    x = alike(as_array("lam", lam, ("m",)), lam)
    if x.size == 0:
        raise ValueError("lam: expected at least one number, found an empty vector")
    layout = Layout({"lam": x.shape})
    given = read_candidate(grad(x) if callable(grad) else grad, layout)
    true, errors = central_differences(f, x)
    tolerance = 10 * np.linalg.norm(errors) + 4 * given.roundoff * np.linalg.norm(true)
    block = compare("lam", given.blocks["lam"], true, float(tolerance))
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (x.size, DIRECTIONS))
    V = signs * np.where(x == 0, 1.0, np.abs(x))[:, None]
    slopes, spread = central_differences(f, x, V)
    gap = np.nan_to_num(np.abs(slopes - given.blocks["lam"] @ V), nan=np.inf)
    limit = 10 * spread + 10 * errors @ np.abs(V) + 4 * given.roundoff * np.abs(true) @ np.abs(V)
    size = max(float(np.abs(slopes).max()), TINY)
    k = int(np.argmax(gap - limit))
    numbers = float(gap[k]) / size, float(limit[k]) / size
    witness = WitnessReport("central differences", *numbers, consistent=True)
    return Report((block,), (witness,), (), given.roundoff, float(f(x)), layout)
