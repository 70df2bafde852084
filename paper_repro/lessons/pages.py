"""Write the course: a page and a notebook for each lesson, slides, the reference, an index."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from paper_repro.lessons import api
from paper_repro.lessons.notebook import notebook
from paper_repro.lessons.page import about, document, equations, intent, lesson, picture, title
from paper_repro.lessons.prose import translator
from paper_repro.lessons.script import Output, read, scripts
from paper_repro.lessons.slides import deck
from paper_repro.table import write_text

HERE = Path(__file__).parent
Translate = Callable[[str], str]
Ran = Mapping[int, Sequence[Output]]  # number of a lesson → the outputs of its cells
INDEX, API, SLIDES, MOVING = "index.html", "api.html", "slides.html", "momentum.html"
CAPTION = "Z_t grows forwards and α_t backwards through a training run, to the same hypergradient"
EQUATION = re.compile(
    r"^\| \((?P<number>\d+|PHO)\) \| (?P<what>.+) \| `(?P<code>\S+)` \|$", re.MULTILINE
)
OPENING = """Training is a dynamical system, and its validation error has an exact gradient in the
hyperparameters, such as the learning rate. These lessons derive this hypergradient, compute it
backwards, forwards and during training, show how it goes wrong, and use it; hgref is the library
that they use. Begin with lesson 1. To answer an exercise, put your gradient in place of None in the
notebook or the script: it is judged, and you are told what is wrong with it."""


def write(ran: Ran, folder: Path, pictures: Sequence[Path] = ()) -> list[Path]:
    """Write what the course consists of.

    ran       the outputs of the lessons
    folder    for the files; it keeps and links the pages of other lessons that it already holds
    pictures  for the index: one that stands still, and one that moves
    Raises    ModuleNotFoundError without the extra `lessons`, ValueError for an invalid formula
    """
    found = api.entries()
    translate = translator(api.links(found))
    files = {n: f"{path.stem.replace('_', '-')}.html" for n, path in scripts().items()}
    there = {n: file for n, file in files.items() if n in ran or (folder / file).exists()}
    texts = {file: lesson(ran[n], translate) for n, file in there.items() if n in ran}
    names = {there[n]: title([output.cell for output in ran[n]]) for n in ran}
    texts[API], names[API] = api.page(found, derived(there)), "All public names"
    texts[MOVING], names[MOVING] = moving(), "Momentum, by hand"
    texts[INDEX], names[INDEX] = index(there, pictures, translate), "Lessons"
    made = {
        file: document(names[file], text, neighbours(file, there)) for file, text in texts.items()
    }
    made |= {file_of_notebook(there[n]): notebook(ran[n]) for n in ran}
    if set(ran) == set(there):  # else those of the other lessons would be lost
        made[SLIDES] = deck(ran, translate)
    return [write_text(folder / file, text) for file, text in made.items()]


def file_of_notebook(page: str) -> str:
    return page.removesuffix(".html") + ".ipynb"


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


def moving() -> str:
    """The body of the page with sliders."""
    body = (HERE / "interactive.html").read_text(encoding="utf-8")
    script = (HERE / "interactive.js").read_text(encoding="utf-8")
    return f"{body}<script>\n{script}</script>"


# --- the index ---


def index(there: Mapping[int, str], pictures: Sequence[Path], translate: Translate) -> str:
    """The body of index.html: the lessons, and where each equation is derived and computed."""
    text = (HERE / "course.md").read_text(encoding="utf-8")
    return "\n".join(
        [
            "<h1>Hypergradients, forwards, backwards and in real time</h1>",
            f"<p>{OPENING}</p>",
            f'<p><a href="{MOVING}">A page to play with</a> · <a href="{SLIDES}">Slides</a> · '
            f'<a href="{API}">All public names</a></p>',
            *figures(pictures),
            "<h2>The lessons</h2>",
            *(entry(n, there.get(n), translate) for n in scripts()),
            *map_of_equations(there),
            translate(text),
        ]
    )


def figures(pictures: Sequence[Path]) -> list[str]:
    drawn = [picture(path.read_bytes(), CAPTION, path.suffix[1:]) for path in pictures]
    return [
        *drawn[:1],
        *(f"<details><summary>The same, moving</summary>{one}</details>" for one in drawn[1:]),
    ]


def entry(number: int, file: str | None, translate: Translate) -> str:
    """A lesson's title, linked if the lesson has a page, and what the reader will learn."""
    cells = read(scripts()[number])
    name, (needs, minutes) = escape(title(cells)), about(cells)
    head = f'<a href="{file}">{name}</a>' if file else f"{name} (not made)"
    other = f' · <a href="{file_of_notebook(file)}">notebook {number}</a>' if file else ""
    facts = f"<p>Before it: {escape(needs)} · about {minutes} minutes{other}</p>"
    return f"<h3>{head}</h3>\n{translate(intent(cells))}{facts}"


def map_of_equations(there: Mapping[int, str]) -> list[str]:
    """A table: equation of the paper → the lesson that derives it, the file that computes it."""
    pages = derived(there)
    readme = HERE.parents[1] / "README.md"
    rows = []
    for found in EQUATION.finditer(readme.read_text(encoding="utf-8")):
        number, file = found["number"], pages.get(found["number"])
        of = f'<a href="{file}#equation-{number}">lesson {int(file[:2])}</a>' if file else ""
        what, code = escape(found["what"]), escape(found["code"])
        rows.append(
            f"<tr><td>({number})</td><td>{what}</td><td>{of}</td><td><code>{code}</code></td></tr>"
        )
    heads = "".join(f'<th scope="col">{h}</th>' for h in ("paper", "equation", "lesson", "code"))
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return ["<h2>Where each equation is</h2>", f'<div class="scroll">{table}</div>']
