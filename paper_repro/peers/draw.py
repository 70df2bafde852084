"""Draw the report card from its JSON file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from paper_repro.peers.judge import ABSENT, CRASHED, LATE, NAN, PASS, SILENT, SINGLE, WRONG
from paper_repro.peers.marks import (
    OBJECTIVES,
    PART,
    SYMBOLS,
    UNSETTLED,
    dynamics_of,
    place,
    shown_as,
    split,
)
from paper_repro.peers.table import page
from paper_repro.picture import save
from paper_repro.record import read_json
from paper_repro.table import write_text

# (face, ink): distinguishable in grey, darker is worse; the symbols say the same
COLOURS = {
    PASS: ("#c7e9c0", "black"),
    PART: ("#e5f5e0", "black"),
    SINGLE: ("#fdd49e", "black"),
    WRONG: ("#b30000", "white"),
    NAN: ("#fc8d59", "black"),
    CRASHED: ("#54278f", "white"),
    LATE: ("#807dba", "white"),
    SILENT: ("white", "#969696"),
    ABSENT: ("#d9d9d9", "black"),
    UNSETTLED: ("#bdbdbd", "black"),
}
GAP = 0.35  # between two dynamics, in widths of a cell


def draw(path: Path) -> list[Path]:
    """Write the picture and the page beside the JSON file."""
    content = read_json(path)
    return [*save(grid(content), path), write_text(path.with_suffix(".md"), page(content))]


def grid(content: dict[str, Any]) -> Figure:
    """A row for each library, a group of three cells (one per objective) for each dynamics.

    The dynamics stand in two bands, one above the other, so that the picture fits a page.
    """
    libraries, kinds = list(content["libraries"].values()), dynamics_of(content)
    half = -(-len(kinds) // 2)
    bands = [band for band in (kinds[:half], kinds[half:]) if band]
    wide = half * (len(OBJECTIVES) + GAP)
    size = (max(6, 1.2 + 0.26 * wide), 0.7 + len(bands) * (0.6 + 0.3 * len(libraries)))
    figure = Figure(figsize=size, layout="constrained")
    for axes, band in zip(figure.subplots(len(bands), squeeze=False)[:, 0], bands, strict=True):
        draw_band(axes, libraries, band)
        axes.set_xlim(-0.2, wide)
    legend(figure, figure.axes[-1], content)
    return figure


def draw_band(axes: Any, libraries: list[dict[str, Any]], kinds: list[str]) -> None:
    """Some dynamics beside each other, all libraries below each other."""
    for y, one in enumerate(libraries):
        for name, cell in one["cells"].items():
            kind, _ = split(name)
            if kind in kinds:
                one_cell(axes, left(kinds, kind, place(name)), y, shown_as(cell))
    axes.set_ylim(len(libraries), -0.6)
    axes.set_yticks([y + 0.5 for y in range(len(libraries))], [one["title"] for one in libraries])
    axes.set_xticks([left(kinds, kind, 1) + 0.5 for kind in kinds], kinds, fontsize=8)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    for kind in kinds:
        for j, objective in enumerate(OBJECTIVES):
            axes.text(left(kinds, kind, j) + 0.5, -0.25, objective[0], ha="center", va="center",
                      fontsize=7)  # fmt: skip
    axes.spines[:].set_visible(False)


def left(kinds: list[str], kind: str, j: int) -> float:
    """The left edge of the cell of the j-th objective."""
    return kinds.index(kind) * (len(OBJECTIVES) + GAP) + j


def one_cell(axes: Any, x: float, y: float, shown: str) -> None:
    face, ink = COLOURS[shown]
    axes.add_patch(Rectangle((x, y), 0.94, 0.9, facecolor=face, edgecolor="#737373", lw=0.4))
    small = 7 if len(SYMBOLS[shown]) > 1 else 9
    axes.text(x + 0.47, y + 0.47, SYMBOLS[shown], color=ink, ha="center", va="center",
              fontsize=small)  # fmt: skip


def legend(figure: Figure, axes: Any, content: dict[str, Any]) -> None:
    """Explain the symbols that occur, and the letters above the columns."""
    present = {shown_as(c) for one in content["libraries"].values() for c in one["cells"].values()}
    kinds = [kind for kind in SYMBOLS if kind in present]
    handles = [
        Rectangle((0, 0), 1, 1, facecolor=COLOURS[kind][0], edgecolor="#737373", lw=0.4)
        for kind in kinds
    ]
    labels = [f"{SYMBOLS[kind]}  {kind}" for kind in kinds]
    options = {"frameon": False, "fontsize": 8, "ncols": min(len(kinds), 5)}
    figure.legend(handles, labels, loc="outside lower center", **options)
    letters = ", ".join(f"{name[0]}: {name}" for name in OBJECTIVES)
    axes.set_xlabel(f"one square for each test vector; {letters}; {content['date']}", fontsize=8)
