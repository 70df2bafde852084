"""The symbol of each verdict and the place of each vector, for both the page and the picture."""

from __future__ import annotations

from typing import Any

from paper_repro.peers.judge import (
    ABSENT,
    CRASHED,
    LATE,
    NAN,
    PASS,
    SILENT,
    SINGLE,
    WRONG,
)

PART = "pass in part"
UNSETTLED = "unsettled"
SYMBOLS = {
    PASS: "✓",
    PART: "(✓)",
    SINGLE: "32",
    WRONG: "✗",
    NAN: "N",
    CRASHED: "!",
    LATE: "t",
    SILENT: "–",
    ABSENT: "",
    UNSETTLED: "?",
}
MEANINGS = {
    PASS: "every block of λ is right",
    PART: "right in every block that the documented API can differentiate",
    SINGLE: "right to single precision only, though all was given in double",
    WRONG: "a wrong number",
    NAN: "NaN",
    CRASHED: "an error, in some block at least",
    LATE: "out of time",
    SILENT: "the documented API cannot say it",
    UNSETTLED: "not as certified, and no script of its own shows why: nothing is claimed",
}
OBJECTIVES = ("quadratic", "least-squares", "softmax")
Content = dict[str, Any]


def shown_as(cell: dict[str, Any]) -> str:
    """The key of SYMBOLS for a cell."""
    if cell.get("reproducers") == []:
        return UNSETTLED
    return PART if cell["verdict"] == PASS and cell.get("left_out") else cell["verdict"]


def dynamics_of(content: Content) -> list[str]:
    """The dynamics, i.e. the vectors' names without their objectives, in order."""
    one = next(iter(content["libraries"].values()))
    return list(dict.fromkeys(split(name)[0] for name in one["cells"]))


def split(vector: str) -> tuple[str, str]:
    """Split "adam-torch-least-squares" into ("adam-torch", "least-squares")."""
    for objective in OBJECTIVES:
        if vector.endswith(f"-{objective}"):
            return vector.removesuffix(f"-{objective}"), objective
    return vector, ""


def place(vector: str) -> int:
    """The position of a vector among those of its dynamics."""
    objective = split(vector)[1]
    return OBJECTIVES.index(objective) if objective in OBJECTIVES else 0
