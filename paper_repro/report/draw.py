"""Write the page of the report from its JSON file alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paper_repro.record import read_json
from paper_repro.table import markdown, write_text

Row = dict[str, Any]

RECALLED = "recalled from the published paper, not checked"
ABOUT = ("data", "setting", "wall seconds")
VERDICTS = {True: "holds", False: "**does not hold**", None: "undecided"}


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write the page beside the JSON file."""
    path = paths["report"]
    return [write_text(path.with_suffix(".md"), "\n".join(page(read_json(path))))]


def page(content: Row) -> Iterator[str]:
    """The verdicts, a section for each experiment with results, then the missing experiments."""
    parts = content["parts"]
    yield "# The paper's figures and tables, regenerated"
    yield ""
    yield from verdicts(parts)
    for part in parts:
        if part["results"]:
            yield from section(part)
    yield from missing(parts)
    made = content["made with"]
    versions = ", ".join(f"{name} {made[name]}" for name in ("python", "hgref", "numpy", "scipy"))
    yield f"Page made with {versions}, on {made['machine']}."
    yield ""


# --- claims ---


def all_claims(parts: list[Row]) -> list[tuple[str, Row]]:
    return [(p["name"], c) for p in parts for r in p["results"] for c in r["claims"]]


def verdicts(parts: list[Row]) -> Iterator[str]:
    """How many claims hold, and each of them."""
    yield f"{tally(parts)} The paper's numbers are {RECALLED}."
    yield ""
    claims = all_claims(parts)
    if claims:
        rows = [["experiment", "claim", "paper", "found", "here it"]]
        for name, claim in claims:
            verdict = VERDICTS[claim["agrees"]]
            rows.append([name, claim["text"], claim["paper"], claim["found"], verdict])
        yield from markdown(rows, numbers=False)
        yield ""


def tally(parts: list[Row]) -> str:
    """One sentence that counts the verdicts."""
    found = [claim["agrees"] for _, claim in all_claims(parts)]
    yes, no, open_ = (found.count(verdict) for verdict in VERDICTS)
    return f"{yes} of {len(found)} claims hold here, {no} do not, {open_} are undecided."


# --- sections ---


def section(part: Row) -> Iterator[str]:
    """One experiment: its data and setting, its tables beside the paper's, and its pictures."""
    yield f"## {part['title']}"
    yield ""
    if part["skipped"]:
        yield f"Not run this time ({part['skipped']}): these are the files of an earlier run."
        yield ""
    yield from made_from(part["results"])
    for j, one in enumerate(part["results"]):
        yield from shown(one)
        if part["paper"] and j == 0:
            yield f"The paper's, {RECALLED}:"
            yield ""
            yield from markdown(part["paper"])
            yield ""
    if part["deviations"]:
        yield "Settings, in the paper, in the authors' code (as far as either is known), and here:"
        yield ""
        yield from markdown(part["deviations"], numbers=False)
        yield ""


def made_from(results: list[Row]) -> Iterator[str]:
    """Data, setting and wall time; results that share them are described only once."""
    told = []
    for one in results:
        about = None if one["damaged"] else [one[name] for name in ABOUT]
        if about is not None and about not in told:
            told.append(about)
            yield from (f"* {name}: {words}" for name, words in zip(ABOUT, about, strict=True))
            yield ""


def shown(one: Row) -> Iterator[str]:
    """The picture and the table of one result, with links to the JSON file."""
    stem = one["stem"]
    if one["damaged"]:
        yield f"`{stem}.json` is damaged: {one['damaged']}"
        yield ""
        return
    if one["table"]:
        yield from [f"[{stem}.md]({stem}.md), numbers: [{stem}.json]({stem}.json)", ""]
        yield from [*one["table"], ""]
    if one["picture"]:
        yield from [f"![{stem}]({stem}.png)", ""]
        yield from [f"[{stem}.png]({stem}.png), numbers: [{stem}.json]({stem}.json)", ""]


def missing(parts: list[Row]) -> Iterator[str]:
    """The experiments that have no result in the folder, and why."""
    gone = [part for part in parts if not part["results"]]
    if not gone:
        return
    yield from ["## Not here", ""]
    for part in gone:
        why = f"skipped: {part['skipped']}" if part["skipped"] else "not run"
        yield f"* `{part['name']}`, {part['summary']}: {why}"
    yield ""
