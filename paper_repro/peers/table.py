"""The report card as a page: the table, what is not right, and the scripts that show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from paper_repro.peers.judge import CRASHED, SILENT
from paper_repro.peers.marks import (
    MEANINGS,
    OBJECTIVES,
    SYMBOLS,
    Content,
    dynamics_of,
    place,
    shown_as,
    split,
)
from paper_repro.table import columns, markdown

LONGEST = 160  # characters of a message


def rows(content: Content) -> list[list[str]]:
    """The rows of the table; each cell has the symbols of a dynamics, one for each objective."""
    kinds = dynamics_of(content)
    made = [["", *kinds]]
    for one in content["libraries"].values():
        marks: dict[str, list[str]] = {kind: [] for kind in kinds}
        for name in sorted(one["cells"], key=place):
            marks[split(name)[0]].append(SYMBOLS[shown_as(one["cells"][name])])
        made.append([one["title"], *(" ".join(marks[kind]) for kind in kinds)])
    return made


def counts(content: Content) -> list[list[str]]:
    """A table that counts the verdicts of each library."""
    present = {shown_as(c) for one in content["libraries"].values() for c in one["cells"].values()}
    kinds = [kind for kind in SYMBOLS if kind in present]
    made = [["", *kinds, "seconds"]]
    for one in content["libraries"].values():
        found = [shown_as(cell) for cell in one["cells"].values()]
        numbers = [str(found.count(kind)) if kind in found else "" for kind in kinds]
        made.append([one["title"], *numbers, f"{one['seconds']:.0f}"])
    return made


def terminal(content: Content) -> str:
    return "\n".join(columns(counts(content)))


def page(content: Content) -> str:
    """The text of report-card.md."""
    return (
        "\n".join([*head(content), *accusations(content), *scripts(content), *tail(content)]) + "\n"
    )


def head(content: Content) -> Iterator[str]:
    yield "# Hypergradients of public libraries: a report card\n"
    yield (
        f"hgref's test vectors, posed to each library as its own documentation shows, on "
        f"{content['date']}. Each symbol is one vector; in a cell they stand in the order of "
        f"{', '.join(OBJECTIVES)}.\n"
    )
    yield from (f"* {SYMBOLS[kind]} {text}" for kind, text in MEANINGS.items())
    yield ""
    yield from markdown(rows(content))
    yield "\n![The same, drawn](report-card.png)\n"
    yield from markdown(counts(content))


def accusations(content: Content) -> Iterator[str]:
    """All cells that are not right, grouped by verdict and scripts."""
    yield "\n## What is not right, and the script that shows it\n"
    yield (
        "The scripts are in `paper_repro/peers/reproducers/`: the library and NumPy, no hgref, a "
        "closed form or differences as the judge; exit status 1 where the library is wrong. Each "
        "runs alone: `python paper_repro/peers/reproducers/NAME.py`.\n"
    )
    made = [["library", "vectors", "verdict", "largest error", "diagnosis", "scripts"]]
    for one in content["libraries"].values():
        groups: dict[tuple[str, str], dict[str, Any]] = {}
        for name, cell in one["cells"].items():
            if "reproducers" in cell:
                scripts = ", ".join(f"`{script}`" for script in cell["reproducers"])
                groups.setdefault((shown_as(cell), scripts), {})[name] = cell
        for (verdict, scripts), cells in groups.items():
            about = [brief(cells, one["cells"]), verdict, largest(cells), reasons(cells)]
            made.append([one["title"], *about, scripts])
    yield from markdown(made, numbers=False)


def brief(names: Iterable[str], every: Iterable[str]) -> str:
    """The vectors' names; the name of the dynamics alone if all its vectors are among them."""
    names, said = list(names), []
    for name in names:
        kind = split(name)[0]
        whole = all(other in names for other in every if split(other)[0] == kind)
        said.append(kind if whole else name)
    return ", ".join(dict.fromkeys(said))


def reasons(cells: dict[str, Any]) -> str:
    """Each distinct diagnosis or message, with the number of vectors that have it."""
    said = [clause for cell in cells.values() for clause in clauses(cell)]
    return "; ".join(f"{text} ({said.count(text)})" for text in dict.fromkeys(said))


def clauses(cell: dict[str, Any]) -> list[str]:
    messages = {short(f"{name}: {text}") for name, text in cell.get("failed", {}).items()}
    why = cell["why"].partition("; the nearest:")[0]
    return [*([] if cell["verdict"] == CRASHED and messages else [short(why)]), *sorted(messages)]


def short(text: str) -> str:
    """A message without the shapes and counts, which vary from vector to vector."""
    return text.partition(": [torch.")[0][:LONGEST]


def largest(cells: dict[str, Any]) -> str:
    errors = [error for cell in cells.values() for error in cell.get("off", {}).values()]
    known = [error for error in errors if error is not None]
    return f"{max(known):.0e}" if known else ""


def scripts(content: Content) -> Iterator[str]:
    yield "\n## Settled by a script\n"
    made = [["library", "", "claim", "script", "it printed"]]
    for name, one in content["reproducers"].items():
        title = content["libraries"][one["library"]]["title"]
        verdict = one["verdict"] if one["shown"] else "not shown"
        printed = " / ".join(short(line) for line in one["printed"])
        made.append([title, verdict, one["says"], f"`{name}`", printed])
    yield from markdown(made, numbers=False)


def tail(content: Content) -> Iterator[str]:
    """What could not be expressed, the documented calls, the versions, and libraries left out."""
    yield "\n## Not expressible\n"
    for one in content["libraries"].values():
        yield from (f"* {one['title']}: {sentence}" for sentence in silences(one))
    yield "\n## Blocks that were left out of a vector\n"
    for one in content["libraries"].values():
        yield from (f"* {one['title']}: {sentence}" for sentence in omissions(one))
    yield "\n## Calls and versions\n"
    made = [["library", "documented calls", "versions"]]
    for one in content["libraries"].values():
        versions = ", ".join(f"{name} {v}" for name, v in one["versions"].items())
        made.append([one["title"], one["calls"], versions or f"not installed: {one['install']}"])
    yield from markdown(made, numbers=False)
    yield "\n## Without a row\n"
    yield from (f"* {name}: {why}" for name, why in content["not posed"].items())
    yield f"\nThe whole took {content['wall seconds']:.0f} seconds."


def silences(one: dict[str, Any]) -> Iterator[str]:
    """Why a library cannot express some vectors, with the names of the vectors."""
    groups: dict[str, list[str]] = {}
    for name, cell in one["cells"].items():
        if cell["verdict"] == SILENT:
            groups.setdefault(cell.get("why", ""), []).append(name)
    for sentence, names in groups.items():
        yield f"{sentence} ({brief(names, one['cells'])})"


def omissions(one: dict[str, Any]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for cell in one["cells"].values():
        for block, sentence in cell.get("left_out", {}).items():
            if block not in groups.setdefault(sentence, []):
                groups[sentence].append(block)
    for sentence, blocks in groups.items():
        yield f"{', '.join(blocks)}: {sentence}"
