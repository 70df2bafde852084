"""Why is this hypergradient wrong?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hgref.problem import Hypergradient, Problem
from hgref.verify import chance
from hgref.verify.candidate import Candidate
from hgref.verify.check import DIGIT
from hgref.verify.check import report as verdict_on
from hgref.verify.differences import differences
from hgref.verify.mistakes import Computation, Mistake
from hgref.verify.mistakes.computation import Shared
from hgref.verify.pairs import Progress, Wrong, answered, composed, singles
from hgref.verify.paths import paths
from hgref.verify.report import WRONG, Report
from hgref.verify.rounding import norm, tolerances
from hgref.verify.trial import Trial
from hgref.verify.ways import Miscounted

SLACK = 30.0  # tolerances within which gradients count as equal: a wrong one rounds differently
CLOSE = 0.01  # score of a close fit, which ranks before fits that are barely within
MANY = 2000  # wrong gradients that are kept while pairs are tried
NEAREST = 3  # mistakes that are named when none matches
TINY = float(np.finfo(float).tiny)
FLOAT32 = float(np.finfo(np.float32).eps) / 2


@dataclass(frozen=True)
class Explanation:
    """One mistake, or two combined, that give the candidate.

    mistakes  one or two entries of the catalogue
    variant   which way of making them
    error     ‖candidate − wrong gradient‖ / ‖wrong gradient‖, largest over the blocks
    score     the same in units of the tolerance: at most 1 is a match
    """

    mistakes: tuple[Mistake, ...]
    variant: str
    error: float
    score: float

    @property
    def name(self) -> str:
        return " + ".join(mistake.name for mistake in self.mistakes)

    def __str__(self) -> str:
        variant = f" ({self.variant})" if self.variant else ""
        lines = [f"{self.name}{variant}, to {self.error:.0e}:"]
        for mistake in self.mistakes:
            lines += [f"    {mistake.sentence};", f"    {mistake.effect}."]
            lines += [f"    Seen: {mistake.reference}."]
        return "\n".join(lines)


@dataclass(frozen=True)
class Diagnosis:
    """Explanations, best first; supports len(), indexing and iteration.

    report        what `check` says
    explanations  all that match; empty unless the candidate is wrong in a known way
    nearest       the closest ones, if none matches, or those that fit by accident perhaps
    chance        that one of the mistakes tried fits by accident: the numbers given are few, or
                  have few digits. No name is given where it is above 1e-3
    paths         if none matches: ways of the gradient that the candidate counts 0, −1, ½, 2 or s
                  times, exact to rounding and beyond chance
    """

    report: Report
    explanations: tuple[Explanation, ...]
    nearest: tuple[Explanation, ...]
    paths: tuple[Miscounted, ...] = ()
    chance: float = 0.0

    def __len__(self) -> int:
        return len(self.explanations)

    def __getitem__(self, j: int) -> Explanation:
        return self.explanations[j]

    def __iter__(self) -> Iterator[Explanation]:
        return iter(self.explanations)

    def __str__(self) -> str:
        if self.report:
            return "the hypergradient is right: nothing to explain"
        if self.report.verdict != WRONG:
            return self.report.headline()
        if self.explanations:
            return "\n".join(str(explanation) for explanation in self.explanations)
        if self.paths:
            ways = "\nor ".join(map(str, self.paths))
            return f"no known mistake matches, but as if\n{ways}"
        if self.chance > chance.LARGEST:
            fit = ", ".join(e.name for e in self.nearest)
            return (
                f"{len(self.nearest)} known mistakes fit, but one would by accident with chance "
                f"{self.chance:.1g}: give more numbers, or more digits. They are: {fit}"
            )
        near = ", ".join(f"{e.name} (off by {e.error:.0e})" for e in self.nearest)
        return f"no known mistake matches; the nearest: {near or 'none'}"


FLOAT32_ROUNDING = Mistake(
    "float32",
    "the computation was done in float32, and handed over as float64",
    "the errors are what single precision makes of this run: no other mistake can be seen",
    "frameworks whose default type is float32",
    lambda computation: iter(()),
)
DIFFERENCES = Mistake(
    "finite-differences",
    "the gradient was taken by differences of f",
    "its error is the curvature of f times the step, and more in curved directions",
    "numerical checks that are taken for the gradient",
    lambda computation: iter(()),
)
NOT_FINITE = Mistake(
    "not-finite",
    "the candidate has NaN or infinite entries",
    "where a gradient is exactly zero, autodiff of √u gives 0 · ∞ = NaN (in Adam, RMSProp and "
    "AdaGrad); hgref gives the number",
    "higher, issue 125; TorchOpt, issue 26; optax, issue 882",
    lambda computation: iter(()),
)


def diagnose(
    problem: Problem,
    lam: Any,
    candidate: Any,
    pairs: bool = True,
    progress: Progress | None = None,
) -> Diagnosis:
    """Find the known mistake, or the two mistakes, that turn ∇f(λ) into `candidate`.

    Makes every mistake of the catalogue on this problem and compares the wrong gradient with the
    candidate, block by block, within the tolerance of `check`.

    lam        (m,) the point λ, or a mapping of names
    candidate  (m,), or a mapping of some of the blocks
    pairs      if no single mistake matches, try combinations of two
    progress   wraps the entries of the catalogue, and then the pairs, as tqdm.tqdm does
    returns    Diagnosis: ranked explanations, none for a right gradient; where no mistake matches,
               `.paths` tells which ways of the gradient are lost or counted twice
    Raises     ValueError, TypeError, Diverged as `check`
    Cost       that of `check`, and about a hundred reverses; where no single mistake matches,
               several hundred for the pairs and `.paths`
    Exact      a match agrees to rounding
    Beware     two mistakes may have the same effect on a problem: the simpler is named first
    Source     hgref.verify.mistakes, with a reference for each entry

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> hgref.diagnose(problem, [0.1], -hgref.reverse(problem, [0.1]).grad)[0].name
        'sign'
    """
    trial = Trial(problem.at(lam), candidate)
    report = verdict_on(trial)
    if report.verdict != WRONG:
        return Diagnosis(report, (), ())
    if not all(np.isfinite(block).all() for block in trial.given.blocks.values()):
        return Diagnosis(report, (Explanation((NOT_FINITE,), "", np.inf, 0.0),), ())
    judge, run = Judge(trial.g, trial.given, trial.allowed), trial.run
    target = trial.given.blocks if run.tau is None else None
    # a mistake of training knows no transform
    base = Computation(run.untransformed(), shared=Shared(target, keep=MANY if pairs else 4))

    def in_theta(wrongs: Iterable[Wrong]) -> Iterator[Wrong]:
        return ((mistakes, variant, run.pull(wrong)) for mistakes, variant, wrong in wrongs)

    alone = list(singles(base, progress=progress))
    tried = list(judge.explain(in_theta(((s.mistake,), s.variant, s.gradient) for s in alone)))
    found = matching(tried)
    step = None if found else differences(trial)
    if step or (not found and is_float32(trial)):
        mistake, score = (DIFFERENCES, 0.0) if step else (FLOAT32_ROUNDING, 1.0)
        worst = max(block.error for block in report.blocks)
        return Diagnosis(report, (Explanation((mistake,), step or "", worst, score),), ())
    if not found and pairs:
        base.shared.target = None  # nothing is fitted beside another mistake
        found = matching(judge.explain(in_theta(answered(base, alone))))
    if not found and pairs:
        effects = [single._replace(gradient=run.pull(single.gradient)) for single in alone]
        two = composed(base, effects, trial.g.blocks, trial.given.blocks, progress)
        found = until_found(judge.explain(in_theta(two)))
    if found:
        accident = chance.of_a_fit(judge.tried, trial.given.blocks, trial.g.blocks, judge.fitting)
        named = accident <= chance.LARGEST
        return Diagnosis(report, tuple(found * named), tuple(found * (not named)), (), accident)
    nearest = tuple(sorted(tried, key=lambda e: e.error)[:NEAREST])
    return Diagnosis(report, (), nearest, paths(trial, SLACK))


def until_found(explanations: Iterable[Explanation]) -> list[Explanation]:
    """The first that matches, if one does."""
    return next(([e] for e in explanations if e.score <= 1), [])


def matching(explanations: Iterable[Explanation]) -> list[Explanation]:
    """The explanations that match, each combination of mistakes once; close fits first.

    Variants that this problem cannot tell apart are named together: "torch or optax".
    """
    best: dict[str, Explanation] = {}
    for explanation in explanations:
        if explanation.score <= 1:
            known = best.setdefault(explanation.name, explanation)
            if explanation.variant not in known.variant.split(" or "):
                variants = f"{known.variant} or {explanation.variant}"
                best[explanation.name] = replace(known, variant=variants)
    return sorted(best.values(), key=lambda explanation: explanation.score > CLOSE)


def is_float32(trial: Trial) -> bool:
    """Whether the candidate is of single precision, and rounding to it explains the error."""
    given, g = trial.given, trial.g
    single = all(np.array_equal(b, np.float32(b)) for b in given.blocks.values())
    if given.roundoff >= FLOAT32 or not single:
        return False
    coarse = tolerances(trial.run, g, FLOAT32)
    off = {n: norm(given.blocks[n] - g[n]) for n in given.names}
    return all(off[n] <= coarse[n] <= DIGIT * trial.scale(n) for n in off)


# --- a candidate beside wrong gradients ---


@dataclass
class Judge:
    """Compares a candidate with wrong gradients; `true` and its tolerances set the scale.

    tried   how many wrong gradients were compared
    """

    true: Hypergradient
    given: Candidate
    tolerance: dict[str, float]
    tried: int = 0

    @property
    def fitting(self) -> dict[str, float]:
        """How far from the candidate a wrong gradient fits."""
        return {name: SLACK * self.tolerance[name] for name in self.given.names}

    def explain(self, wrongs: Iterable[Wrong]) -> Iterator[Explanation]:
        """An explanation for each wrong gradient that differs from the true one."""
        for mistakes, variant, wrong in wrongs:
            self.tried += 1
            score = error = effect = 0.0
            for name in self.given.names:
                size = norm(wrong[name])
                scale = max(1.0, size / (norm(self.true[name]) or 1.0))
                tolerance = max(self.tolerance[name] * scale * SLACK, TINY)
                off = norm(self.given.blocks[name] - wrong[name])
                score, error = max(score, off / tolerance), max(error, off / (size or 1.0))
                effect = max(effect, norm(wrong[name] - self.true[name]) / tolerance)
            if effect > 1 and np.isfinite(score):
                yield Explanation(mistakes, variant, error, score)
