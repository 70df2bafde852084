"""Judge an answer against the vector's certified digits, with hgref's check and diagnosis."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hgref.verify.check import Trial
from hgref.verify.diagnose import diagnose
from hgref.verify.vectors.description import problem_of, read_file

PASS, SINGLE, WRONG, NAN = "pass", "float32", "wrong", "NaN"
CRASHED, LATE, SILENT = "crashed", "out of time", "not expressible"
ABSENT = "not installed"


@dataclass
class Cell:
    """The result of one library on one vector.

    verdict      pass: every block that was computed is right; float32: right only to single
                 precision although the input is in double; wrong; NaN; crashed; out of time;
                 not expressible; not installed
    right        names of the right blocks
    off          name → relative error of the other blocks
    left_out     name → sentence: blocks that the documented API cannot differentiate
    failed       name → message: blocks that ended in an error
    why          the diagnosis, the sentence or the message
    """

    verdict: str
    right: list[str] = field(default_factory=list)
    off: dict[str, float | None] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    why: str = ""

    def plain(self) -> dict[str, Any]:
        """As a dictionary for JSON, without empty fields."""
        return {name: value for name, value in asdict(self).items() if value}


def judge(path: Path, answer: dict[str, Any]) -> Cell:
    """Judge a worker's answer for the vector in the file."""
    for verdict in (SILENT, CRASHED):
        if verdict in answer:
            return Cell(verdict, why=answer[verdict])
    if LATE in answer:
        return Cell(LATE, why=f"no answer within {answer[LATE]:g} seconds")
    cell = Cell(PASS, left_out=answer["left out"], failed=answer["failed"])
    if answer["grad"]:
        compare(path, answer["grad"], cell)
    if cell.failed and cell.verdict == PASS:
        cell.verdict, cell.why = CRASHED, next(iter(cell.failed.values()))
    elif not cell.right and not cell.off:
        cell.verdict, cell.why = SILENT, next(iter(cell.left_out.values()), "")
    return cell


def compare(path: Path, grad: dict[str, Any], cell: Cell) -> None:
    """Compare each block with the certified one, with the tolerance of `hgref.check`."""
    content = read_file(path)
    problem, lam = problem_of(content)
    allowed = Trial(problem.at(lam), grad).allowed
    for name, block in grad.items():
        true = numbers(content["grad"][name])
        distance = float(np.linalg.norm(np.asarray(block) - true))
        if distance <= allowed[name]:
            cell.right.append(name)
        else:
            size = float(np.linalg.norm(true)) or 1.0
            cell.off[name] = distance / size if np.isfinite(distance) else None
    if not cell.off:
        return
    cell.verdict = NAN if None in cell.off.values() else WRONG
    diagnosis = diagnose(problem, lam, grad)
    first = diagnosis[0] if len(diagnosis) else None
    cell.why = explained(diagnosis)
    if first is not None and first.name == "float32":
        cell.verdict = SINGLE


def numbers(x: Any) -> Any:
    """Convert nested lists of decimal strings to a float64 array."""
    return np.array(json.loads(json.dumps(x).replace('"', "")), float)


def explained(diagnosis: Any) -> str:
    """The diagnosis on one line: the mistakes that match, or that none does."""
    if not len(diagnosis):
        return str(diagnosis)
    first = diagnosis[0]
    variant = f" ({first.variant})" if first.variant else ""
    return f"{first.name}{variant}: {'; '.join(m.sentence for m in first.mistakes)}"
