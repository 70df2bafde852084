"""What the witnesses say of a candidate: slopes of f along random directions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.problem import Hypergradient
from hgref.run import Run
from hgref.verify.candidate import Candidate
from hgref.verify.report import WitnessReport, said
from hgref.verify.rounding import is_large
from hgref.verify.trial import Trial
from hgref.verify.witness import central_differences, complex_step, signed

DIRECTIONS = 3  # one for a large run
TINY = float(np.finfo(float).tiny)
AGREEMENT = 1e-9  # relative difference between two float64 witnesses of an ill-conditioned run
# steps of the differences; those of a large run, which is often a network with kinks, begin lower
LADDER, OF_A_LARGE_RUN = {"h": 1e-2, "levels": 10}, {"h": 6.25e-4, "levels": 5}
ENOUGH = 1e-6  # relative error at which the differences stop; it counts ten times
OF_F = ("complex step", "central differences")  # witnesses that use f alone, no derivative

Progress = Callable[[Iterable[Any]], Iterable[Any]]
Witness = Callable[[Run, Hypergradient, Array], tuple[Array, Any]]


@dataclass(frozen=True)
class Hearing:
    """What all witnesses say.

    witnesses  their reports
    refuted    whether f itself contradicts the candidate; None if f could not be asked
    """

    witnesses: list[WitnessReport]
    refuted: bool | None

    @property
    def consistent(self) -> bool:
        return all(witness.consistent for witness in self.witnesses)

    def disagreement(self) -> str:
        """Who disagrees with hgref's own gradient."""
        names = [witness.name for witness in self.witnesses if not witness.consistent]
        return f"{' and '.join(names)} disagree{'s' if len(names) == 1 else ''} with reverse"


def hear(trial: Trial, seed: int, progress: Progress | None = None) -> Hearing:
    """Compare the witnesses' slopes along random directions with the candidate's and hgref's."""
    V = random_directions(trial.run, trial.given, seed)
    voices = list(WITNESSES.items())
    reports: dict[str, WitnessReport] = {}
    for name, witness in voices if progress is None else progress(voices):
        if name == "central differences" and not needed(reports):
            continue
        reports[name] = report(trial, V, name, witness)
    spoken = [reports[name] for name in OF_F if name in reports and not reports[name].silent]
    return Hearing(pruned(reports), not spoken[-1] if spoken else None)


def needed(reports: dict[str, WitnessReport]) -> bool:
    """Whether differences have to be taken: the complex step is silent, or stands alone."""
    step = reports["complex step"]
    return step.silent is not None or not step.consistent


def pruned(reports: dict[str, WitnessReport]) -> list[WitnessReport]:
    """The reports; a complex step that both reverse and the differences contradict is silent."""
    step, differences = reports["complex step"], reports.get("central differences")
    agreed = differences is not None and differences.silent is None and differences.consistent
    if step.silent is None and agreed:
        why = "f is not analytic: it applies abs, max or conj to complex numbers"
        reports["complex step"] = WitnessReport(step.name, np.nan, np.nan, True, why)
    return list(reports.values())


def report(trial: Trial, V: Array, name: str, witness: Witness) -> WitnessReport:
    """What one witness says; a witness that fails is silent, and says why."""
    try:
        slopes, error = witness(trial.run, trial.g, V)
    except Exception as failure:  # frameworks and users' functions raise what they like
        return WitnessReport(name, np.nan, np.nan, True, said(failure))
    own, claimed = trial.g.grad @ V, slopes_of(trial.given, trial.g, V)
    slack = allowed_slopes(trial, V, trial.allowed)
    rounding = 2 * allowed_slopes(trial, V, trial.own)
    size = max(float(np.abs(own).max()), TINY)
    limit = slack + rounding + 10 * error
    near = np.abs(slopes - own) <= rounding + 10 * error + AGREEMENT * size
    return heard(name, slopes, claimed, limit, size, bool(near.all()))


def heard(
    name: str, slopes: Array, claimed: Array, limit: Array, size: float, consistent: bool = True
) -> WitnessReport:
    """A witness's slopes beside the candidate's, where they exceed the limit most."""
    gap = np.nan_to_num(np.abs(slopes - claimed), nan=np.inf)
    k = int(np.argmax(gap - limit))
    return WitnessReport(name, float(gap[k]) / size, float(limit[k]) / size, consistent)


def slopes_of(given: Candidate, g: Hypergradient, V: Array) -> Array:
    """The candidate's slopes along V."""
    claimed = np.zeros(V.shape[1])
    with np.errstate(all="ignore"):
        for name, block in given.blocks.items():
            claimed = claimed + block.reshape(-1) @ V[g.layout.slices[name]]
    return claimed


def allowed_slopes(trial: Trial, V: Array, allowed: dict[str, float]) -> Array:
    """How far slopes along V may be off, if each block may be off as far as that."""
    slices = trial.g.layout.slices
    each = [allowed[n] * np.linalg.norm(V[slices[n]], axis=0) for n in trial.given.names]
    return np.sum(each, axis=0)


def random_directions(run: Run, given: Candidate, seed: int) -> Array:
    """(m, 3) columns of ±|λ_j| (±1 where λ_j is 0) in the candidate's blocks, 0 elsewhere."""
    layout = run.layout
    flat = layout.flatten(run.theta).real.astype(float)
    V = signed(flat, (layout.size, 1 if is_large(run) else DIRECTIONS), seed)
    present = np.zeros(layout.size)
    for name in given.names:
        present[layout.slices[name]] = 1.0
    return V * present[:, None]


# --- the witnesses: (slopes along the columns of V, their own estimated errors) ---


def by_reverse(run: Run, g: Hypergradient, V: Array) -> tuple[Array, Any]:
    return g.grad @ V, 0.0


def by_forward(run: Run, g: Hypergradient, V: Array) -> tuple[Array, Any]:
    """∇f · v by FORWARD-HG; Z has one column for each direction.                    eq. (14)"""
    layout = run.layout
    dlam = {n: V[layout.slices[n]].reshape(*s, -1) for n, s in layout.shapes.items()}
    s, Z = run.start(), run.start_jvp(dlam, V.shape[1])
    for t in range(1, run.T + 1):
        step = run.at(t, s)
        s, Z = step.value, run.jvp(t, step, Z, dlam)
    row, direct = run.error_grad(run.T, s)
    straight = sum(np.tensordot(d, dlam[n], np.ndim(d)) for n, d in direct.items())
    return row @ Z + straight, 0.0


def by_complex_step(run: Run, g: Hypergradient, V: Array) -> tuple[Array, Any]:
    return complex_step(run.problem.f, run.point, V), 0.0


def by_differences(run: Run, g: Hypergradient, V: Array) -> tuple[Array, Any]:
    def f(x: Array) -> Any:  # f(λ) is known already
        return g.f if np.array_equal(x, run.point) else run.problem.f(x)

    ladder: dict[str, Any] = OF_A_LARGE_RUN if is_large(run) else LADDER
    return central_differences(f, run.point, V, enough=ENOUGH, **ladder)


WITNESSES: dict[str, Witness] = {
    "reverse": by_reverse,
    "forward": by_forward,
    "complex step": by_complex_step,
    "central differences": by_differences,
}
