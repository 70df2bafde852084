"""Collect the results in a folder, and judge the paper's claims about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from paper_repro.claim import judge
from paper_repro.experiments import FIGURES, Experiment
from paper_repro.record import read_json, surroundings, write_json
from paper_repro.report.others import others

Row = dict[str, Any]


def compute(folder: Path, skipped: Mapping[str, str]) -> dict[str, Path]:
    """Collect the results of a folder and judge the claims; runs no experiment.

    Verdicts of other runs, see `others`, are set beside those of the folder.

    folder   the folder that the experiments wrote to
    skipped  experiment → why it was skipped in this run
    returns  {"report": the JSON file}
    Raises   nothing for a damaged result: the page reports it
    Cost     reads each file once
    """
    parts = [part(name, one, folder, skipped.get(name)) for name, one in FIGURES.items()]
    content = {
        "experiment": "report",
        "parts": parts,
        "other runs": others(folder),
        "made with": surroundings(),
    }
    return {"report": write_json(folder / "report.json", content)}


def part(name: str, experiment: Experiment, folder: Path, skipped: str | None) -> Row:
    """One experiment: its results, the claims about them, and the paper's own table."""
    claims = experiment.claims
    rules = {} if claims is None else claims.RULES
    stems = sorted(results(name, folder), key=lambda stem: (place(stem, rules), stem))
    return {
        "name": name,
        "title": name if claims is None else claims.TITLE,
        "summary": experiment.command.SUMMARY,
        "skipped": skipped,
        "results": [result(folder, stem, rules.get(stem, ())) for stem in stems],
        "paper": [] if claims is None else claims.PAPER,
        "deviations": experiment.deviations,
    }


def results(name: str, folder: Path) -> Iterator[str]:
    """The stems of an experiment's JSON files."""
    for path in folder.glob(f"{name}*.json"):
        if path.stem == name or path.stem.startswith(f"{name}-"):
            yield path.stem


def place(stem: str, rules: Mapping[str, Any]) -> int:
    """Sort key: results with claims come first, in the order of the claims."""
    return list(rules).index(stem) if stem in rules else len(rules)


def result(folder: Path, stem: str, rules: tuple[Any, ...]) -> Row:
    """One JSON file, with the picture and the table beside it."""
    path = folder / f"{stem}.json"
    found: Row = {"stem": stem, "damaged": None, "claims": [], "table": table_beside(path)}
    found["picture"] = path.with_suffix(".png").is_file()
    try:
        content = read_json(path)
    except (ValueError, OSError) as error:
        return {**found, "damaged": str(error)}
    about = {key: in_words(content.get(key)) for key in ("data", "setting", "wall seconds")}
    return {**found, **about, "claims": [asdict(judge(rule, content)) for rule in rules]}


def in_words(about: Any) -> str:
    """A mapping as "name value, …"; anything else as a string."""
    if isinstance(about, dict):
        return ", ".join(f"{name} {value}" for name, value in about.items())
    return "not told" if about is None else str(about)


def table_beside(path: Path) -> list[str]:
    """The lines of the Markdown table beside a JSON file; [] if there is none."""
    page = path.with_suffix(".md")
    if not page.is_file():
        return []
    lines = page.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if line.startswith("|")]
