"""One HTML file for each lesson, with formulas, code, output and figures, for offline reading."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from paper_repro.lessons.prose import preformatted, python
from paper_repro.lessons.script import Cell, Output

STYLE = Path(__file__).with_name("style.css")
ABOUT = re.compile(
    r"^\*Before this: (?P<needs>.+)\. About (?P<minutes>\d+) minutes\.\*$", re.MULTILINE
)
DERIVED = re.compile(r"\\q?quad\s*\((\d+|PHO)\)\s*\$\$")


def title(cells: Sequence[Cell]) -> str:
    """The text of a lesson's first heading; ValueError if the lesson does not start with one."""
    first = cells[0].source.partition("\n")[0] if cells else ""
    if not (cells and cells[0].kind == "markdown" and first.startswith("# ")):
        raise ValueError(f"expected a heading in the first cell of a lesson, found {first!r}")
    return first.removeprefix("# ")


def intent(cells: Sequence[Cell]) -> str:
    """The paragraph under the title: what the reader will learn."""
    return cells[0].source.partition("\n\n")[2].partition("\n\n")[0]


def about(cells: Sequence[Cell]) -> tuple[str, str]:
    """(what to read before, minutes); ValueError if the first cell does not say it."""
    found = ABOUT.search(cells[0].source)
    if found is None:
        raise ValueError(f"expected '*Before this: … About N minutes.*' in {title(cells)!r}")
    return found["needs"], found["minutes"]


def equations(cells: Sequence[Cell]) -> list[str]:
    """The numbers of the equations that a lesson displays, in order."""
    return [number for cell in cells for number in DERIVED.findall(cell.source)]


def lesson(outputs: Sequence[Output], translate: Callable[[str], str]) -> str:
    """The body of a lesson's page."""
    return "\n".join(part for output in outputs for part in parts(output, translate))


def parts(output: Output, translate: Callable[[str], str]) -> list[str]:
    if output.cell.kind == "markdown":
        return [translate(output.cell.source)]
    printed = [preformatted(output.text, "output")] if output.text.strip() else []
    code, pairs = python(output.cell.source), zip(output.figures, output.captions, strict=True)
    if output.figures:  # most of it draws
        code = f"<details><summary>The code of this figure</summary>\n{code}</details>"
        return [*printed, *(picture(*pair) for pair in pairs), code]
    return [code, *printed]


def picture(data: bytes, caption: str, kind: str = "png") -> str:
    """An image embedded in the page, so that the page is a single file."""
    source = f"data:image/{kind};base64,{b64encode(data).decode()}"
    return f'<figure tabindex="0"><img src="{source}" alt="{escape(caption)}"></figure>'


def document(name: str, body: str, neighbours: Mapping[str, str]) -> str:
    """A page with navigation.

    name        its title
    body        HTML
    neighbours  its navigation links: text → file
    """
    links = "".join(f'<a href="{escape(to)}">{escape(text)}</a>' for text, to in neighbours.items())
    body = f"""<nav aria-label="lessons">{links}</nav>
<main>
{body}
</main>
<nav class="end" aria-label="lessons, again">{links}</nav>"""
    return whole(name, STYLE.read_text(encoding="utf-8"), body)


def whole(name: str, style: str, body: str) -> str:
    """An HTML file that loads no other."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(name)} · hgref</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
