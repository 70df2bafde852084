"""Read scripts in percent format as cells, and run the cells one after another."""

from __future__ import annotations

import contextlib
import io
import linecache
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure

MARK = re.compile(r"# %%(?P<markdown> \[markdown\])?\s*")
ANSWER = re.compile(r"^# %% (answer_\d)\n", re.MULTILINE)
LOOK: Any = {  # of every figure; lines stay distinguishable when printed in grey
    "figure.figsize": (7.2, 4.0),
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=["#08306b", "#d94801", "#238b45", "#6a51a3", "#252525"])
    + cycler(linestyle=["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]),
    "legend.frameon": False,
    "image.cmap": "Greys",
}


@dataclass(frozen=True)
class Cell:
    """One cell of a script: `kind` is "markdown" or "code"; `source` excludes the # %% line."""

    kind: str
    source: str


@dataclass(frozen=True)
class Output:
    """The output of a cell: the text it printed, its figures as PNG files, and their captions."""

    cell: Cell
    text: str = ""
    figures: tuple[bytes, ...] = ()
    captions: tuple[str, ...] = ()


def scripts() -> dict[int, Path]:
    """The scripts of all lessons, by number."""
    paths = sorted(Path(__file__).parent.glob("[0-9][0-9]_*.py"))
    return {int(path.name[:2]): path for path in paths}


def solutions(number: int) -> dict[str, str]:
    """The model solutions of a lesson: answer_1, answer_2 … → source."""
    path = scripts()[number]
    text = (path.parent / "solutions" / path.name).read_text(encoding="utf-8")
    parts = ANSWER.split(text)[1:]
    return {name: source.strip("\n") for name, source in zip(parts[::2], parts[1::2], strict=True)}


def read(path: Path) -> list[Cell]:
    """The cells of a script in percent format; ValueError for text before the first # %%."""
    cells: list[Cell] = []
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        mark = MARK.fullmatch(line)
        if mark is None:
            lines.append(line)
            continue
        cells += finished(cells, lines, path)
        cells.append(Cell("markdown" if mark["markdown"] else "code", ""))
        lines = []
    cells += finished(cells, lines, path)
    return cells


def finished(cells: list[Cell], lines: list[str], path: Path) -> list[Cell]:
    """Remove the last cell and return it with its lines; [] if there is none."""
    if not cells:
        if any(lines):
            raise ValueError(f"{path.name}: expected # %% as the first line, found {lines[0]!r}")
        return []
    cell = cells.pop()
    if cell.kind == "markdown":
        lines = [line.removeprefix("#").removeprefix(" ") for line in lines]
    return [replace(cell, source="\n".join(lines).strip("\n"))]


def run(
    cells: Sequence[Cell],
    answers: Mapping[str, str] | None = None,
    begun: tuple[int, dict[str, Any]] | None = None,
) -> Iterator[Output]:
    """Run the code in one namespace; yield an output for each cell, prose included.

    answers  name of an answer → source that replaces its line `answer_1 = None …`
    begun    (how many cells were run before, the namespace that they left); default none
    Raises   ValueError for an answer that no cell asks for, and whatever a cell raises
    """
    cells = [*cells]
    for name, source in (answers or {}).items():
        cells = answered(cells, name, source)
    plt.switch_backend("Agg")
    first, namespace = begun or (0, {"__name__": "__main__"})
    printing = np.get_printoptions()  # a script's own options must not leak out of it
    for number, cell in enumerate(cells[first:], start=first + 1):
        output = Output(cell)
        if cell.kind == "code":
            with np.printoptions(**printing):
                output = run_cell(cell, f"<cell {number}>", namespace)
                printing = np.get_printoptions()
        yield output


def answered(cells: list[Cell], name: str, source: str) -> list[Cell]:
    line = re.compile(rf"^{re.escape(name)} = None\b.*$", re.MULTILINE)
    if not any(cell.kind == "code" and line.search(cell.source) for cell in cells):
        raise ValueError(f"answers: expected names that a cell asks for, found {name!r}")
    return [replace(cell, source=line.sub(lambda _: source, cell.source)) for cell in cells]


def run_cell(cell: Cell, name: str, namespace: dict[str, Any]) -> Output:
    """Run one cell; tracebacks and inspect.getsource see `name` as its file."""
    lines = cell.source.splitlines(keepends=True)
    linecache.cache[name] = (len(cell.source), None, lines, name)
    pictures: list[tuple[bytes, str]] = []
    printed = io.StringIO()
    with plt.rc_context(LOOK), contextlib.redirect_stdout(printed), shown_to(pictures):
        exec(compile(cell.source, name, "exec"), namespace)
        plt.show()
    figures, captions = zip(*pictures, strict=True) if pictures else ((), ())
    return Output(cell, printed.getvalue(), figures, captions)


@contextlib.contextmanager
def shown_to(pictures: list[tuple[bytes, str]]) -> Iterator[None]:
    """Inside this context, plt.show() appends all open figures to `pictures` and closes them."""
    show = plt.show

    def keep(*_: Any, **__: Any) -> None:
        for number in plt.get_fignums():
            figure = plt.figure(number)
            pictures.append((png(figure), caption(figure)))
            plt.close(figure)

    plt.show = keep
    try:
        yield
    finally:
        plt.show = show
        plt.close("all")


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=150, metadata={"Software": None})
    return file.getvalue()


def caption(figure: Figure) -> str:
    """A caption made of the figure's titles and axis labels."""
    titles = [text.get_text() for text in figure.texts]
    titles += [axes.get_title() for axes in figure.axes]
    pairs = [(axes.get_ylabel(), axes.get_xlabel()) for axes in figure.axes]
    labels = [" against ".join(filter(None, pair)) for pair in pairs]
    plain = (re.sub(r"[${}]|\\\W", "", text) for text in (*titles, *labels))
    unique = dict.fromkeys(" ".join(text.split()) for text in plain if text)
    return "; ".join(unique) or "a figure"
