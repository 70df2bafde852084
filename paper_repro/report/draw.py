"""Write the page of the report from its JSON file alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paper_repro.record import read_json
from paper_repro.report.others import PREFIX
from paper_repro.table import markdown, write_text

Row = dict[str, Any]

RECALLED = "recalled from the published paper, not checked"
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
    yield from verdicts(parts, content["other runs"])
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
    """(stem of the result, claim) of all claims."""
    return [(r["stem"], c) for p in parts for r in p["results"] for c in r["claims"]]


def verdicts(parts: list[Row], others: list[Row]) -> Iterator[str]:
    """How many claims hold, and each of them, with its verdicts in other runs."""
    yield f"{tally(parts)} The paper's numbers are {RECALLED}."
    yield ""
    for other in others:
        yield compared(parts, other)
        yield ""
    claims = all_claims(parts)
    if claims:
        elsewhere = [table_of(other) for other in others]
        names = [f"in {other['name']} it" for other in others]
        rows = [["result", "claim", "paper", "found", "here it", *names]]
        for stem, claim in claims:
            key = stem, claim["text"]
            told = [VERDICTS[one[key]] if key in one else "" for one in elsewhere]
            verdict = VERDICTS[claim["agrees"]]
            rows.append([stem, claim["text"], claim["paper"], claim["found"], verdict, *told])
        yield from markdown(rows, numbers=False)
        yield ""


def table_of(other: Row) -> dict[tuple[str, str], bool | None]:
    """(stem of the result, text of the claim) → the verdict of another run."""
    return {(stem, text): agrees for stem, text, agrees in other["verdicts"]}


def compared(parts: list[Row], other: Row) -> str:
    """How many claims of another run have the verdict that they have here."""
    stem = f"{PREFIX}{other['name']}"
    if other["damaged"]:
        return f"`{stem}.json` is damaged: {other['damaged']}"
    elsewhere = table_of(other)
    here = {(stem, claim["text"]): claim["agrees"] for stem, claim in all_claims(parts)}
    both = here.keys() & elsewhere.keys()
    same = sum(here[key] == elsewhere[key] for key in both)
    return (
        f"In another run, [{other['name']}]({stem}.json), {same} of the {len(both)} claims that "
        "it judges have the same verdict."
    )


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
    """Data, setting and wall times; results that share data and setting are described once."""
    told: dict[tuple[str, str], dict[str, None]] = {}  # in order, each time once
    for one in results:
        if not one["damaged"]:
            told.setdefault((one["data"], one["setting"]), {})[one["wall seconds"]] = None
    for (data, setting), seconds in told.items():
        yield f"* data: {data}"
        yield f"* setting: {setting}"
        yield f"* wall seconds: {', '.join(seconds)}"
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
