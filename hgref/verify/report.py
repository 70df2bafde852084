"""The result of a check: right, wrong or undecided, why, and a table to print."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np

from hgref.layout import Layout

RIGHT, WRONG, UNDECIDED = "right", "wrong", "undecided"
NOT_GIVEN = "not given"  # of a function that a user need not define
COLOURS = {RIGHT: "32", WRONG: "31", UNDECIDED: "33"}  # of terminals: green, red, yellow
PRECISIONS = {2.0**-53: "float64", 2.0**-24: "float32", 2.0**-11: "float16", 2.0**-8: "bfloat16"}


@dataclass(frozen=True)
class BlockReport:
    """One named block of the candidate beside the true one; true if it is right.

    name              of the block
    verdict           "right", "wrong" or "undecided"
    reason            one sentence; None if it is right
    error             ‖candidate − true‖ / ‖true‖; not divided if the true block is zero
    tolerance         the largest error that rounding can cause, in the same unit
    angle             degrees between the two; for a number 0 or 180, NaN where undefined
    worst             index of the component with the largest error; `candidate` and `true` are its
                      two values
    """

    name: str
    verdict: str
    reason: str | None
    error: float
    tolerance: float
    angle: float
    worst: tuple[int, ...]
    candidate: float
    true: float

    def __bool__(self) -> bool:
        return self.verdict == RIGHT

    def row(self) -> list[str]:
        verdict = RIGHT if self else self.verdict.upper()
        numbers = [f"{self.error:.1e}", f"{self.tolerance:.1e}", f"{self.angle:.2g}°"]
        return [self.name, verdict, *numbers, self.component()]

    def component(self) -> str:
        """The worst component: where, the candidate's value, the true one."""
        index = ",".join(map(str, self.worst))
        return f"[{index}] {self.candidate:.8g} for {self.true:.8g}"


@dataclass(frozen=True)
class WitnessReport:
    """How far one witness is from the candidate, in slopes along random directions.

    name       of the witness
    gap        largest |witness − candidate|, divided by the largest slope of the true gradient
    tolerance  the largest gap that rounding or the witness's own error can cause; the report is
               true if gap <= tolerance
    consistent whether the witness agrees with hgref's own gradient; if not, the functions of the
               problem (a Callback's grad_vjp, say) contradict each other
    silent     why the witness cannot speak on this problem; None if it does
    """

    name: str
    gap: float
    tolerance: float
    consistent: bool
    silent: str | None = None

    def __bool__(self) -> bool:
        return self.silent is not None or self.gap <= self.tolerance

    def row(self) -> list[str]:
        if self.silent is not None:
            return [self.name, "cannot speak", "", "", self.silent]
        verdict = "agrees" if self else "DISAGREES"
        return [self.name, verdict, f"{self.gap:.1e}", f"{self.tolerance:.1e}", ""]


@dataclass(frozen=True)
class Report:
    """True only if every block of the candidate is right; `print(report)` shows the details.

    blocks     a BlockReport for each block that the candidate has
    witnesses  a WitnessReport for each witness
    missing    blocks of λ that the candidate lacks
    roundoff   u of the candidate's type, which sets the tolerances
    f          f(λ) of the run
    layout     positions of the blocks of λ
    doubt      why no candidate can be called right here; None if one can
    """

    blocks: tuple[BlockReport, ...]
    witnesses: tuple[WitnessReport, ...]
    missing: tuple[str, ...]
    roundoff: float
    f: float
    layout: Layout
    doubt: str | None = None

    @property
    def verdict(self) -> str:
        """ "right"; "wrong", if one block is; else "undecided"."""
        verdicts = {block.verdict for block in self.blocks}
        if WRONG in verdicts:
            return WRONG
        return UNDECIDED if UNDECIDED in verdicts or self.doubt else RIGHT

    @property
    def reason(self) -> str | None:
        """One sentence; None if the verdict is "right"."""
        if self:
            return None
        if self.verdict == UNDECIDED and self.doubt:
            return self.doubt
        return next(block.reason for block in self.blocks if block.verdict == self.verdict)

    @property
    def consistent(self) -> bool:
        """Whether all witnesses agree with hgref's own gradient."""
        return all(witness.consistent for witness in self.witnesses)

    def __bool__(self) -> bool:
        return self.verdict == RIGHT

    def __repr__(self) -> str:
        return f"Report({self.headline()})"

    def __str__(self) -> str:
        return self.text()

    def headline(self) -> str:
        """The verdict, and the reason if there is one."""
        return self.verdict if self.reason is None else f"{self.verdict}: {self.reason}"

    def text(self, colour: bool = False) -> str:
        """The whole report; `colour` for terminals."""
        names = [block.name for block in self.blocks if block.verdict == self.verdict]
        where = f" in {', '.join(names)}" if names and not self else ""
        verdict = RIGHT if self else self.verdict.upper()
        if colour:
            verdict = f"\033[1;{COLOURS[self.verdict]}m{verdict}\033[0m"
        lines = [f"hypergradient: {verdict}{where}"]
        lines += [f"  {self.reason}"] if self.reason else []
        header = ["block", "", "error", "tolerance", "angle", "worst component: candidate for true"]
        lines += columns([header, *(block.row() for block in self.blocks)])
        if self.witnesses:
            header = ["witness", "", "gap", "tolerance", ""]
            lines += ["", *columns([header, *(witness.row() for witness in self.witnesses)])]
        return "\n".join([*lines, *self.notes()])

    def notes(self) -> list[str]:
        precision = PRECISIONS.get(self.roundoff, "the digits given")
        notes = [
            f"errors and tolerances are relative; tolerances: rounding in {precision}, "
            f"u = {self.roundoff:.1e}, measured on this run"
        ]
        if self.missing:
            notes.append(f"not in the candidate: {', '.join(self.missing)}")
        return notes

    def _repr_html_(self) -> str:
        """The table, for notebooks."""
        header = ["block", "verdict", "error", "tolerance", "angle", "candidate for true"]
        rows = [header, *(block.row() for block in self.blocks)]
        cells = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
        table = "".join(f"<tr>{row}</tr>" for row in cells)
        notes = "<br>".join(map(escape, self.notes()))
        return f"<p><b>{escape(self.headline())}</b></p><table>{table}</table><p>{notes}</p>"


@dataclass(frozen=True)
class Finding:
    """One function beside a witness.

    function   whose result was tested, with the class that defines it: "vjp of Momentum"
    block      of the state or of λ that moved, or a case: "schedule of eta", "step 3"
    verdict    "right", "wrong", "undecided"; "not given", if it need not be
    gap        relative difference; NaN where there is none
    text       against what, or why not
    """

    function: str
    block: str
    verdict: str
    gap: float
    text: str

    def row(self) -> list[str]:
        verdict = self.verdict.upper() if self.verdict in (WRONG, UNDECIDED) else self.verdict
        gap = "" if np.isnan(self.gap) else f"{self.gap:.1e}"
        return [self.function, self.block, verdict, gap, self.text]


@dataclass(frozen=True)
class PartReport:
    """What `check_dynamics` and `check_objective` find; true if every function is right.

    subject    the class that was tested
    findings   a Finding for each function and block, wrong ones first
    """

    subject: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """ "right"; "wrong", if one function is; "undecided", if a needed one cannot be tested."""
        verdicts = {finding.verdict for finding in self.findings}
        return next((v for v in (WRONG, UNDECIDED) if v in verdicts), RIGHT)

    @property
    def reason(self) -> str | None:
        """The first wrong function and block, in one sentence; None if all are right."""
        if self:
            return None
        worst = next(f for f in self.findings if f.verdict == self.verdict)
        where = f" in {worst.block}" if worst.block else ""
        off = "" if np.isnan(worst.gap) else f" (off by {worst.gap:.1e})"
        return f"{worst.function} is {worst.verdict}{where}: {worst.text}{off}"

    def __bool__(self) -> bool:
        return self.verdict == RIGHT

    def __repr__(self) -> str:
        why = "" if self.reason is None else f": {self.reason}"
        return f"PartReport({self.subject} {self.verdict}{why})"

    def __str__(self) -> str:
        head = f"{self.subject}: {RIGHT if self else self.verdict.upper()}"
        lines = [head] if self.reason is None else [head, f"  {self.reason}"]
        header = ["function", "in", "", "gap", ""]
        return "\n".join(lines + columns([header, *(f.row() for f in self.findings)]))


def said(failure: Exception) -> str:
    """An exception in one line."""
    return " ".join(f"{type(failure).__name__}: {failure}".split())[:200]


def off_by(name: str, error: float, tolerance: float, candidate: float, true: float) -> str:
    """The sentence for a block that is wrong."""
    return (
        f"{name} is off by {error:.1e}, tolerance {tolerance:.1e}: {candidate:.8g} for {true:.8g}"
    )


def columns(rows: list[list[str]]) -> list[str]:
    """Rows of cells as lines, each column as wide as its widest cell."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
