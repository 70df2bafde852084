"""Is this hypergradient right, wrong, or can it not be known?"""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.problem import Problem
from hgref.verify.parts import contradiction
from hgref.verify.report import PRECISIONS, RIGHT, UNDECIDED, WRONG, BlockReport, Report, off_by
from hgref.verify.rounding import FLOAT64, is_large, norm
from hgref.verify.steady import unsteady
from hgref.verify.testimony import Hearing, Progress, hear
from hgref.verify.trial import Trial

DIGIT = 0.1  # a block is known if its tolerance is below this part of it: one digit


def check(
    problem: Problem, lam: Any, candidate: Any, seed: int = 0, *, progress: Progress | None = None
) -> Report:
    """Whether `candidate` is ∇f(λ): right, wrong, or undecided, with the reason.

        right      ‖candidate − ∇f‖ ≤ tolerance, block by block, and the tolerance leaves a digit
        wrong      ‖candidate − ∇f‖ > tolerance
        undecided  no digit can be known, as rounding grows too much; a function of the problem
                   gives two results at one point; or its functions contradict each other

    lam        (m,) the point λ, or a mapping of names
    candidate  (m,), a Hypergradient, or a mapping of some of the blocks: arrays, tensors of any
               float type, decimal strings; None for a tensor that is not connected
    seed       of the witnesses' random directions
    progress   wraps the steps of the check, as tqdm.tqdm does
    returns    Report: `.verdict`, `.reason`, true only if the candidate is right; print it for more
    Raises     ValueError, TypeError for a bad λ or candidate (NaN is reported as wrong), Diverged
    Cost       seven reverses, forward with three tangents, and three complex steps (or about twenty
               runs for differences); for states of more than 100,000 numbers in all, three reverses
               and one direction. Below float64 some reverses more
    Exact      the tolerance is measured on this run, by `hgref.verify.rounding.tolerances`: a
               right gradient is outside with probability 1e-5
    Beware     a float32 result converted to float64 is judged as float64, and found wrong
    Source     Franceschi et al. 2017, Algorithm 1, as the reference

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> hgref.check(problem, [0.1], hgref.reverse(problem, [0.1]).grad).verdict
        'right'
        >>> print(hgref.check(problem, [0.1], [1.0]))
        hypergradient: WRONG in eta...
    """
    return report(Trial(problem.at(lam), candidate), seed, progress)


def assert_hypergradient(problem: Problem, lam: Any, candidate: Any, seed: int = 0) -> None:
    """Raise AssertionError, whose text begins with the reason, unless `candidate` is right.

    lam, candidate, seed   as in `check`
    Raises   AssertionError if it is wrong or undecided; ValueError, TypeError, Diverged as `check`
    Cost     that of `check`
    Exact    as `check`
    Source   `check`, in a form for test suites

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> g = hgref.reverse(problem, [0.1])
        >>> hgref.assert_hypergradient(problem, [0.1], {"eta": g["eta"]})
    """
    __tracebackhide__ = True
    found = check(problem, lam, candidate, seed)
    if not found:
        raise AssertionError(f"{found.headline()}\n\n{found}")


def report(trial: Trial, seed: int = 0, progress: Progress | None = None) -> Report:
    """The verdict on a trial."""
    run_before = (float(trial.g.f), trial.rounding()) if is_large(trial.run) else ()
    doubt = unsteady(trial.run, *run_before)
    hearing = Hearing([], None) if doubt else hear(trial, seed, progress)
    if doubt is None and not hearing.consistent:
        doubt = contradiction(trial.run, hearing.disagreement())
    blocks = tuple(block_report(trial, name, doubt, hearing) for name in trial.given.names)
    missing = tuple(name for name in trial.g.layout.shapes if name not in trial.given.blocks)
    witnesses, f = tuple(hearing.witnesses), float(trial.g.f)
    return Report(blocks, witnesses, missing, trial.given.roundoff, f, trial.g.layout, doubt)


def block_report(trial: Trial, name: str, doubt: str | None, hearing: Hearing) -> BlockReport:
    """One block of the candidate, judged."""
    given, true = trial.given.blocks[name], trial.g[name]
    if not np.isfinite(given).all():
        verdict = WRONG
    elif doubt is not None:  # f itself, if it could be asked, is still a judge
        verdict = WRONG if hearing.refuted else UNDECIDED
    else:
        verdict = judged(trial, name, norm(given - true))
    found = compare(given, true, trial.allowed[name])
    reason = None if verdict == RIGHT else why(trial, name, verdict, doubt, found)
    return BlockReport(name, verdict, reason, *found)


def judged(trial: Trial, name: str, error: float) -> str:
    """The verdict on one block, from the norm of its error."""
    own, allowed = trial.own[name], trial.allowed[name]
    size, scale = norm(trial.g[name]), trial.scale(name)
    zero = size <= own  # as far as float64 can tell
    if not own <= DIGIT * scale:
        return UNDECIDED
    if error <= own + 4 * trial.given.roundoff * size and (zero or own <= DIGIT * size):
        return RIGHT  # to the last digit of its type
    if error > allowed:
        return WRONG if allowed <= DIGIT * scale else UNDECIDED
    known = error <= DIGIT * scale if zero else allowed <= DIGIT * size
    return RIGHT if known else UNDECIDED


def why(trial: Trial, name: str, verdict: str, doubt: str | None, found: Compared) -> str:
    """Why a block is not right, in one sentence."""
    error, tolerance, _, _, candidate, true = found
    if name in trial.given.unconnected and verdict == WRONG:
        return f"{name} is None: this tensor was not connected to the loss; expected {true:.8g}"
    if doubt is not None and np.isfinite(error):
        return doubt if verdict == UNDECIDED else f"f itself contradicts the candidate; {doubt}"
    if verdict == UNDECIDED:
        return amplified(trial, name)
    if not np.isfinite(error):
        return f"{name} is not finite: {candidate:.8g} for {true:.8g}"
    return off_by(name, error, tolerance, candidate, true)


def amplified(trial: Trial, name: str) -> str:
    """The sentence for a block that rounding hides."""
    roundoff = trial.given.roundoff
    hidden = trial.own[name] > DIGIT * trial.scale(name)
    roundoff = FLOAT64 if hidden else roundoff
    tolerance = trial.own[name] if hidden else trial.allowed[name]
    times = tolerance / roundoff / (norm(trial.g[name]) or 1.0)
    precision = PRECISIONS.get(roundoff, f"numbers given to {roundoff:.0e}")
    grows = f"by {times:.0e}" if np.isfinite(times) else "until the run diverges"
    help_ = "fewer steps or a smaller eta" if hidden else "float64, or fewer steps,"
    return (
        f"no digit of {name} can be known in {precision}: this run amplifies rounding {grows}; "
        f"{help_} would help"
    )


Compared = tuple[float, float, float, tuple[int, ...], float, float]


def compare(candidate: Array, true: Array, tolerance: float) -> Compared:
    """(error, tolerance, angle, worst index, candidate and true value there) of one block."""
    with np.errstate(all="ignore"):
        off, a, b = np.abs(candidate - true), np.ravel(candidate), np.ravel(true)
        size = norm(true) or 1.0
        error = norm(off) / size
        cosine = (a / (norm(a) or np.nan)) @ (b / (norm(b) or np.nan))
    bad = ~np.isfinite(candidate)
    flat = int(np.argmax(np.where(bad, np.inf, off))) if off.size else 0
    worst = tuple(int(i) for i in np.unravel_index(flat, true.shape)) if true.ndim else ()
    angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))) if np.isfinite(cosine) else np.nan
    values = float(candidate[worst]), float(true[worst])
    return np.inf if bad.any() else error, tolerance / size, angle, worst, *values
