"""Slides of all lessons: each figure with the heading and the equation that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from paper_repro.lessons.page import intent, picture, title, whole
from paper_repro.lessons.script import Cell, Output

STYLE = Path(__file__).with_name("slides.css")
HEADING = re.compile(r"^#{1,3} (.+)$", re.MULTILINE)
DISPLAYED = re.compile(r"\$\$.*?\$\$", re.DOTALL)


def deck(ran: Mapping[int, Sequence[Output]], translate: Callable[[str], str]) -> str:
    """One HTML file; the browser prints it as a PDF of a slide a page."""
    made = [slide for number in sorted(ran) for slide in slides(ran[number], translate)]
    marked = (
        f'<section id="slide-{number}">\n{slide}\n<p class="number">{number}</p></section>'
        for number, slide in enumerate(made, start=1)
    )
    style = STYLE.read_text(encoding="utf-8")
    head = '<h1 class="unseen">Hypergradients: slides of the lessons</h1>'
    return whole("Slides", style, f'<main tabindex="-1">{head}\n{chr(10).join(marked)}</main>')


def slides(outputs: Sequence[Output], translate: Callable[[str], str]) -> Iterator[str]:
    """The title and what the lesson is about; then a slide for each figure."""
    cells = [output.cell for output in outputs]
    yield f"<h2>{inline(title(cells), translate)}</h2>\n{translate(intent(cells))}"
    heading, equation = title(cells), ""
    for output in outputs:
        if output.cell.kind == "markdown":
            heading, equation = last(output.cell, heading, equation)
        for figure, caption in zip(output.figures, output.captions, strict=True):
            parts = [f"<h2>{inline(heading, translate)}</h2>", translate(equation)]
            yield "\n".join([*parts, picture(figure, caption)])
            equation = ""  # once


def last(cell: Cell, heading: str, equation: str) -> tuple[str, str]:
    """The last heading and the last displayed equation under it, or those before the cell."""
    *_, found = [None, *HEADING.finditer(cell.source)]
    if found is not None:
        heading, equation = found[1], ""
    after = cell.source[found.end() if found else 0 :]
    return heading, [equation, *DISPLAYED.findall(after)][-1]


def inline(text: str, translate: Callable[[str], str]) -> str:
    """A heading; its number is no list."""
    text = re.sub(r"^(\d+)\.", r"\1\\.", text)
    return translate(text).strip().removeprefix("<p>").removesuffix("</p>")
