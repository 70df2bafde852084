"""Write the folder of pages: one for each lesson that ran, the reference, and an index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from paper_repro.lessons import api
from paper_repro.lessons.page import document, equations, intent, lesson, picture, title
from paper_repro.lessons.prose import translator
from paper_repro.lessons.script import Cell, Output, read, scripts
from paper_repro.table import write_text

Translate = Callable[[str], str]
Ran = Mapping[int, Sequence[Output]]  # number of a lesson → the outputs of its cells
INDEX, API = "index.html", "api.html"
CAPTION = "Z_t grows forwards and α_t backwards through a training run, to the same hypergradient"


def write(ran: Ran, folder: Path, film: Path | None = None) -> list[Path]:
    """Write a page for each lesson that ran, api.html and index.html.

    ran     the outputs of the lessons
    folder  for the pages; it keeps and links the pages of other lessons that it already holds
    film    a GIF for the index
    Raises  ModuleNotFoundError without the extra `lessons`, ValueError for an invalid formula
    """
    found = api.entries()
    translate = translator(api.links(found))
    files = {n: f"{path.stem.replace('_', '-')}.html" for n, path in scripts().items()}
    there = {n: file for n, file in files.items() if n in ran or (folder / file).exists()}
    texts = {file: lesson(ran[n], translate) for n, file in there.items() if n in ran}
    names = {there[n]: title([output.cell for output in ran[n]]) for n in ran}
    texts[API], names[API] = api.page(found, derived(there)), "All public names"
    texts[INDEX], names[INDEX] = index(there, film, translate), "Lessons"
    return [
        write_text(folder / file, document(names[file], text, neighbours(file, there)))
        for file, text in texts.items()
    ]


def derived(there: Mapping[int, str]) -> dict[str, str]:
    """Number of an equation → the page of the first lesson that displays it."""
    pages: dict[str, str] = {}
    for n, file in there.items():
        for number in equations(read(scripts()[n])):
            pages.setdefault(number, file)
    return pages


def neighbours(file: str, there: Mapping[int, str]) -> dict[str, str]:
    """The navigation links of a page: text → file."""
    order = list(there.values())
    links = {"All lessons": INDEX}
    if file in order:
        j = order.index(file)
        links |= {"← Previous": order[j - 1]} if j else {}
        links |= {"Next →": order[j + 1]} if order[j + 1 :] else {}
    links["All public names"] = API
    return {text: to for text, to in links.items() if to != file}


def index(there: Mapping[int, str], film: Path | None, translate: Translate) -> str:
    """The body of index.html: what each lesson is about."""
    moving = [picture(film.read_bytes(), CAPTION, "gif")] if film else []
    heading = "<h1>Hypergradients, forwards, backwards and in real time</h1>"
    rows = (entry(read(path), there.get(n), translate) for n, path in scripts().items())
    return "\n".join([heading, *moving, *rows])


def entry(cells: Sequence[Cell], file: str | None, translate: Translate) -> str:
    """A lesson's title, linked if the lesson has a page, and what the reader will learn."""
    name = escape(title(cells))
    head = f'<a href="{file}">{name}</a>' if file else f"{name} (not made)"
    return f"<h2>{head}</h2>\n{translate(intent(cells))}"
