"""The parts of a problem on their own: do a dynamics' and an objective's functions fit together?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, as_count
from hgref.at import NotGiven, as_columns, as_row, as_state
from hgref.dynamics.dynamics import Dynamics
from hgref.layout import Blocks, Layout
from hgref.objectives.objective import Objective, Shapes
from hgref.objectives.quadratic import Quadratic
from hgref.problem import Problem
from hgref.run import Run
from hgref.verify.report import NOT_GIVEN, RIGHT, UNDECIDED, WRONG, Finding, PartReport, said
from hgref.verify.rounding import norm
from hgref.verify.steady import differing
from hgref.verify.witness import central_differences

FITS = 1e-7  # relative gap of two exact products; a wrong term is larger
LOOSE = 1e-5  # the same where differences are the witness
VANISHES = 1e-10  # a product of this part of the value counts as zero
WEIGHTS = 3  # p, for an objective that takes any number of weights
TRIES = 20  # random λ, until one is in the domain
STEP = 1e-30  # of the complex step


def check_objective(J: Objective, lam: Any = None, w: Any = None, *, t: int = 1) -> PartReport:
    """Whether the functions of an objective are derivatives of its value.

        grad against value,   grad_jvp and grad_vjp against grad, each block of λ on its own,
        grad_lam against value

    J        an Objective, of hgref's or of your own
    lam      mapping of J's blocks, shaped as in `hyper`, and of others that J reads; default
             random, between 0.1 and 0.9
    w        (p,) weights; default random
    t        number of the step whose mini-batch is used
    returns  PartReport: `.verdict`, `.reason`, true only if all are right; print it for the table
    Raises   TypeError, ValueError for arguments that are no objective, blocks or weights
    Cost     some twenty evaluations of each function for each block
    Exact    a wrong term of relative size 1e-7 is found; 1e-5 where differences are the witness
    Beware   a point at which a wrong term vanishes hides it: give your own w and lam
    Source   hgref.witness

    Example
        >>> class Cubic(hgref.objectives.Objective):
        ...     p = 2
        ...     def value(self, t, w, lam): return (w**3).sum() / 3
        ...     def grad(self, t, w, lam): return w**2
        ...     def grad_vjp(self, t, w, lam, u): return 3 * w * u, {}
        >>> hgref.check_objective(Cubic()).verdict
        'wrong'
    """
    if not isinstance(J, Objective):
        raise TypeError(f"J: expected an objective, found {type(J).__name__}")
    rng = np.random.default_rng(0)
    p = J.p or (WEIGHTS if w is None else np.size(w))
    w = rng.uniform(-1, 1, p) if w is None else as_array("w", w, (p,))
    layout = Layout(J.hyper(p))
    blocks = dict(domain_point(layout, J.check_blocks, rng) if lam is None else lam)
    others = {n: as_array(n, blocks.pop(n)) for n in list(blocks) if n not in layout.shapes}
    split = {**layout.split(layout.flatten(blocks)), **others}
    return reported(type(J).__name__, objective_findings(J, t, w, split))


def check_dynamics(dynamics: Dynamics, lam: Any = None, T: int = 5) -> PartReport:
    """Whether the functions of a dynamics are derivatives of its step, and those of its J too.

        jvp and vjp against step, each block of the state and of λ on its own, at steps 1, 2 and T;
        a schedule of equal numbers against the number;   a learned start

    dynamics a Dynamics, of hgref's or of your own
    lam      mapping of its blocks, shaped as in `hyper`, or the flat (m,); default random, between
             0.1 and 0.9
    T        number of steps
    returns  PartReport: `.verdict`, `.reason`, true only if all are right; print it for the table
    Raises   TypeError, ValueError for arguments that are no dynamics or blocks
    Cost     some hundred steps
    Exact    a wrong term of relative size 1e-7 is found; 1e-5 where differences are the witness
    Beware   a point at which a wrong term vanishes hides it: give your own lam
    Source   hgref.witness

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> hgref.check_dynamics(hgref.Adam(J)).verdict
        'right'
    """
    if not isinstance(dynamics, Dynamics):
        raise TypeError(f"dynamics: expected a dynamics, found {type(dynamics).__name__}")
    rng, T = np.random.default_rng(0), as_count("T", T, 1)
    p, free = dynamics.J.p or WEIGHTS, not dynamics.own_start
    E, w0 = Quadratic(np.eye(p), np.zeros(p)), beside_template(dynamics.J.w0, p, rng)
    problem = Problem(dynamics, E, T, w0 if free else None, learn_w0=free)
    if lam is None:
        trained = Layout({n: shape for n, shape in problem.shapes().items() if n != "w0"})
        lam = domain_point(trained, dynamics.check_blocks, rng)
    run = problem.at(lam)
    return reported(type(dynamics).__name__, dynamics_findings(run))


def beside_template(w0: Array | None, p: int, rng: np.random.Generator) -> Array:
    """A random start: near that of a template, and with its signs, as it may hold squares."""
    if w0 is None:
        return rng.uniform(-1, 1, p)
    return w0 + rng.uniform(0, 0.01, p) * np.where(w0 < 0, -1, 1)


def contradiction(run: Run, disagreement: str) -> str:
    """Which function of a problem does not fit, in a sentence, where its witnesses disagree."""
    found = next((f for f in run_findings(run) if f.verdict == WRONG), None)
    if found is None:
        return f"the witnesses disagree: {disagreement}; no function of the problem shows why"
    return f"{disagreement}: {PartReport('', (found,)).reason}"


def reported(subject: str, findings: Iterator[Finding]) -> PartReport:
    order = (WRONG, UNDECIDED, RIGHT, NOT_GIVEN)
    return PartReport(subject, tuple(sorted(findings, key=lambda f: order.index(f.verdict))))


def domain_point(
    layout: Layout, check: Callable[[Blocks], None], rng: np.random.Generator
) -> Blocks:
    """A random λ that `check` accepts."""
    for _ in range(TRIES):
        blocks = layout.split(rng.uniform(0.1, 0.9, layout.size))
        try:
            check(blocks)
        except ValueError as error:
            refused = error
        else:
            return blocks
    raise ValueError(f"lam: expected a point, as random ones are refused: {refused}")


# --- the findings on a dynamics, an objective, a run ---


def dynamics_findings(run: Run) -> Iterator[Finding]:
    yield from start_findings(run)
    yield from run_findings(run)
    yield from schedule_findings(run)


def run_findings(run: Run) -> Iterator[Finding]:
    """The parts of a run at its λ: J at step 1, Φ at steps 1, 2 and T, E at the last state."""
    for t, s in enumerate(run.states(), 1):
        w = run.dynamics.weights(s)
        if t == 1:
            for part in run.dynamics.J.terms():
                yield from objective_findings(part, run.before + t, w, run.lam)
        if t in (1, 2, run.T) and t <= run.T:
            yield from map_findings(Map.of_step(run), run.before + t, s, run.lam)
    yield from value_findings(run.E, run.before + run.T, w, run.lam, direct=True)


def start_findings(run: Run) -> Iterator[Finding]:
    """s_0 has w0 as its weights, and `weights` is a view, into which Z_0 is written."""
    dynamics, name = run.dynamics, type(run.dynamics).__name__
    if dynamics.own_start:
        return
    w0 = run.lam["w0"]
    s = as_state("start", dynamics, dynamics.start(w0), run.problem.d)
    off = norm(dynamics.weights(s) - w0) / (norm(w0) or 1.0)
    yield finding(f"start of {name}", "w0", off, FITS, "its weights should be w0")
    copied = 0.0 if np.shares_memory(dynamics.weights(s), s) else np.inf
    yield finding(f"weights of {name}", "w0", copied, FITS, "it should return a view of s")


def schedule_findings(run: Run) -> Iterator[Finding]:
    """A schedule of equal numbers makes the same step, and its derivative is at entry t − 1."""
    dynamics, name, s = run.dynamics, type(run.dynamics).__name__, run.start()
    alpha = np.random.default_rng(1).standard_normal(s.size)
    for rate in dynamics.names:
        if run.lam[rate].ndim:
            continue
        case, schedule = f"a schedule of {rate}", np.full(run.T, run.lam[rate])
        number, many = run.lam, {**run.lam, rate: schedule}
        try:
            steps = [dynamics.step(1, s, lam) for lam in (number, many)]
            one, all_ = (dynamics.vjp(1, s, lam, alpha)[1][rate] for lam in (number, many))
        except NotGiven:
            continue
        except Exception as failure:  # an author's function, given a schedule
            yield Finding(f"step of {name}", case, WRONG, np.nan, said(failure))
            continue
        off = relative(steps[1], steps[0])
        yield finding(f"step of {name}", case, off, FITS, "it should be that of the number")
        expected = np.concatenate([[float(one)], np.zeros(run.T - 1)])
        off = relative(all_, expected) if np.shape(all_) == (run.T,) else np.inf
        yield finding(f"vjp of {name}", case, off, FITS, "entry t − 1 should have the whole share")


def objective_findings(J: Objective, t: int, w: Array, lam: Blocks) -> Iterator[Finding]:
    """A training objective: grad against value, and its products against grad."""
    found = differing(J.afresh, t, w, lam)
    if found:
        yield Finding(f"value of {type(J).__name__}", "", UNDECIDED, np.nan, found)
        return
    yield from value_findings(J, t, w, lam, direct=False)
    yield from map_findings(Map.of_gradient(J, w.size), t, w, lam)


def value_findings(J: Objective, t: int, w: Array, lam: Blocks, direct: bool) -> Iterator[Finding]:
    """grad and grad_lam against value; where J is only trained on, grad_lam may lack blocks."""
    name, rng = type(J).__name__, np.random.default_rng(2)
    v = rng.standard_normal(w.size)
    slope = slope_at_zero(lambda h: J.value(t, w + h * v, lam))
    yield beside(f"grad of {name}", "w", lambda: J.grad(t, w, lam) @ v, slope, "value")
    for block in J.hyper(w.size):
        db = np.asarray(rng.standard_normal(lam[block].shape))

        def moved(h: Any, block: str = block, db: Array = db) -> Any:
            return J.value(t, w, {**lam, block: lam[block] + h * db})

        def claimed(block: str = block, db: Array = db) -> Any:
            found = J.grad_lam(t, w, lam)
            return np.sum(found[block] * db) if direct or block in found else None

        slope = slope_at_zero(moved)
        yield beside(f"grad_lam of {name}", block, claimed, slope, "value")


@dataclass(frozen=True)
class Map:
    """A map x ↦ φ(t, x, λ) with its products: the step of a dynamics, the gradient of an objective.

    of       the dynamics or objective;  names: of its three functions
    parts    where the named parts of x lie
    shapes   of the blocks of λ in its vjp
    """

    of: Any
    names: tuple[str, str, str]
    parts: dict[str, slice]
    shapes: Shapes

    @classmethod
    def of_step(cls, run: Run) -> Map:
        dynamics = run.dynamics
        shapes = {name: run.lam[name].shape for name in dynamics.hyper(run.problem.p)}
        return cls(dynamics, dynamics.defined_by, dynamics.parts(run.problem.d), shapes)

    @classmethod
    def of_gradient(cls, J: Objective, p: int) -> Map:
        return cls(J, J.defined_by, {"w": slice(0, p)}, J.hyper(p))

    def __call__(self, which: int, *arguments: Any) -> Any:
        return getattr(self.of, self.names[which])(*arguments)

    def tangents(self, part: str, x: Array, rng: np.random.Generator) -> tuple[Array, Blocks]:
        """Random (dx, dλ) in one block of x or of λ, zero elsewhere.

        All parts but the last change by a part of themselves: squares stay positive, zeros zero.
        """
        dx = np.zeros_like(x)
        if part not in self.parts:
            return dx, {part: np.asarray(rng.standard_normal(self.shapes[part]))}
        here = self.parts[part]
        size = 1.0 if here.stop == x.size else x[here]
        dx[here] = size * rng.standard_normal(here.stop - here.start)
        return dx, {}


def map_findings(map_: Map, t: int, x: Array, lam: Blocks) -> Iterator[Finding]:
    """jvp and vjp of a map beside its value: u·φ' along one block at a time, for a random row u."""
    rng, name = np.random.default_rng(3), type(map_.of).__name__
    u = rng.standard_normal(x.size)
    value, jvp, vjp = (f"{function} of {name}" for function in map_.names)
    for part in (*map_.parts, *map_.shapes):
        dx, dlam = map_.tangents(part, x, rng)

        def moved(h: Any, dx: Array = dx, dlam: Blocks = dlam) -> Any:
            there = {name: lam[name] + h * block for name, block in dlam.items()}
            return u @ map_(0, t, x + h * dx, {**lam, **there})

        def forwards(dx: Array = dx, dlam: Blocks = dlam) -> Any:
            columns = {name: block[..., None] for name, block in dlam.items()}
            found = map_(1, t, x, lam, dx[:, None], columns)
            return u @ as_columns(map_.of, found, dx[:, None])[:, 0]

        def backwards(dx: Array = dx, dlam: Blocks = dlam) -> Any:
            row, share = as_row(map_.of, map_(2, t, x, lam, u), u, map_.shapes)
            return row @ dx + sum(np.sum(share[name] * block) for name, block in dlam.items())

        slope, case = slope_at_zero(moved), f"{part}, step {t}"
        yield beside(jvp, case, forwards, slope, value)
        yield beside(vjp, case, backwards, slope, value)


# --- one number beside its witness ---


@dataclass(frozen=True)
class Slope:
    """dφ/dh at h = 0.

    size      below which a slope counts as zero
    error     relative, that the witness may have
    failure   why there is no slope; None if there is
    """

    slope: float
    size: float
    error: float
    failure: str | None = None


def slope_at_zero(along: Callable[[Any], Any]) -> Slope:
    """By the complex step; by differences where that is silent or contradicts them."""

    def real(h: Array) -> float:
        return float(np.real(along(float(h[0]))))

    with np.errstate(all="ignore"):
        try:
            size = abs(real(np.zeros(1)))
            slopes, errors = central_differences(real, np.zeros(1), np.ones((1, 1)))
        except Exception as failure:
            return Slope(np.nan, np.nan, np.nan, said(failure))
        rough, error = float(slopes[0]), float(errors[0])
        try:
            exact = np.asarray(along(1j * STEP))
            slope = float(exact.imag) / STEP
            near = abs(slope - rough) <= 10 * error + LOOSE * abs(rough)
            if np.iscomplexobj(exact) and near:
                return Slope(slope, VANISHES * size, FITS)
        except Exception:  # not made for complex numbers
            pass
    return Slope(rough, VANISHES * size + 10 * error, LOOSE)


def beside(
    function: str, block: str, claimed: Callable[[], Any], slope: Slope, witness: str
) -> Finding:
    """A function's claim beside a slope."""
    if slope.failure is not None:
        return Finding(witness, block, UNDECIDED, np.nan, slope.failure)
    try:
        with np.errstate(all="ignore"):
            found = claimed()
    except NotGiven:
        return Finding(function, block, NOT_GIVEN, np.nan, "")
    except Exception as failure:
        return Finding(function, block, WRONG, np.nan, said(failure))
    if found is None:
        return Finding(function, block, NOT_GIVEN, np.nan, "needed only where J serves as E")
    off = np.nan_to_num(abs(float(found) - slope.slope), nan=np.inf)
    size = max(abs(float(found)), abs(slope.slope)) or 1.0
    tolerance = max(slope.error, slope.size / size)
    return finding(function, block, float(off / size), tolerance, f"against {witness}")


def finding(function: str, block: str, gap: float, tolerance: float, text: str) -> Finding:
    return Finding(function, block, RIGHT if gap <= tolerance else WRONG, gap, text)


def relative(found: Any, true: Any) -> float:
    return norm(np.asarray(found) - true) / (norm(true) or 1.0)
