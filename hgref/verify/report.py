"""The result of a check: true or false, and a short table to print."""

from __future__ import annotations

from dataclasses import dataclass

from hgref.layout import Layout


@dataclass(frozen=True)
class BlockReport:
    """One named block of the candidate beside the true one.

    name              of the block
    error             ‖candidate − true‖ / ‖true‖; not divided if the true block is zero
    tolerance         the largest error that rounding can cause, in the same unit; the report is
                      true if error <= tolerance
    angle             degrees between the two; for a number 0 or 180, NaN where undefined
    worst             index of the component with the largest error; `candidate` and `true` are its
                      two values
    """

    name: str
    error: float
    tolerance: float
    angle: float
    worst: tuple[int, ...]
    candidate: float
    true: float

    def __bool__(self) -> bool:
        return self.error <= self.tolerance

    def row(self) -> list[str]:
        index = ",".join(map(str, self.worst))
        worst = f"[{index}] {self.candidate:.8g} for {self.true:.8g}"
        verdict = "right" if self else "WRONG"
        numbers = [f"{self.error:.1e}", f"{self.tolerance:.1e}", f"{self.angle:.2g}°"]
        return [self.name, verdict, *numbers, worst]


@dataclass(frozen=True)
class WitnessReport:
    """How far one witness is from the candidate, in slopes along random directions.

    name       of the witness
    gap        largest |witness − candidate|, divided by the largest slope of the true gradient
    tolerance  the largest gap that rounding or the witness's own error can cause; the report is
               true if gap <= tolerance
    consistent whether the witness agrees with hgref's own gradient; if not, the functions of the
               problem (a Callback's grad_vjp, say) contradict each other
    """

    name: str
    gap: float
    tolerance: float
    consistent: bool

    def __bool__(self) -> bool:
        return self.gap <= self.tolerance

    def row(self) -> list[str]:
        verdict = "agrees" if self else "DISAGREES"
        return [self.name, verdict, f"{self.gap:.1e}", f"{self.tolerance:.1e}"]


@dataclass(frozen=True)
class Report:
    """True if every block of the candidate is right; `print(report)` shows the details.

    blocks     a BlockReport for each block that the candidate has
    witnesses  a WitnessReport for each witness that could be evaluated
    missing    blocks of λ that the candidate lacks
    roundoff   u of the candidate's type, which sets the tolerances
    f          f(λ) of the run
    layout     positions of the blocks of λ
    """

    blocks: tuple[BlockReport, ...]
    witnesses: tuple[WitnessReport, ...]
    missing: tuple[str, ...]
    roundoff: float
    f: float
    layout: Layout

    def __bool__(self) -> bool:
        return all(self.blocks)

    @property
    def consistent(self) -> bool:
        """Whether all witnesses agree with hgref's own gradient."""
        return all(witness.consistent for witness in self.witnesses)

    def __str__(self) -> str:
        wrong = [block.name for block in self.blocks if not block]
        lines = [f"hypergradient: {'WRONG in ' + ', '.join(wrong) if wrong else 'right'}"]
        header = ["block", "", "error", "tolerance", "angle", "worst component: candidate for true"]
        lines += columns([header, *(block.row() for block in self.blocks)])
        header = ["witness", "", "gap", "tolerance"]
        lines += ["", *columns([header, *(witness.row() for witness in self.witnesses)])]
        lines.append(
            f"errors and tolerances are relative; tolerances: rounding at u = {self.roundoff:.1e}, "
            f"measured on this run"
        )
        if self.missing:
            lines.append(f"not in the candidate: {', '.join(self.missing)}")
        for witness in self.witnesses:
            if not witness.consistent:
                lines.append(
                    f"beware: {witness.name} disagrees with hgref's own gradient too: the "
                    f"functions of this problem contradict each other"
                )
        return "\n".join(lines)


def columns(rows: list[list[str]]) -> list[str]:
    """Rows of cells as lines, each column as wide as its widest cell."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
