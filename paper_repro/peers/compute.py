"""Compute the report card: run every library on every vector, and every reproducer."""

from __future__ import annotations

import ast
import datetime
import importlib.util
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from paper_repro.peers.claims import CLAIMS, reproducers_of, said_by
from paper_repro.peers.judge import ABSENT, CRASHED, NAN, SINGLE, WRONG, Cell, judge
from paper_repro.peers.libraries import LIBRARIES, NOT_POSED, Library
from paper_repro.peers.reproduce import interpreter, reproduce
from paper_repro.peers.run import pose_all
from paper_repro.peers.setting import Setting
from paper_repro.record import surroundings, write_json

ACCUSED = (WRONG, NAN, CRASHED, SINGLE)  # verdicts that a reproducer must confirm


def compute(
    setting: Setting,
    names: Iterable[str],
    pythons: dict[str, str],
    folder: Path,
    bar: Any,
    libraries: dict[str, Library] = LIBRARIES,
) -> Path:
    """Run the vectors and the reproducers; write report-card.json.

    names      the libraries to run
    pythons    library → interpreter, for libraries that are not installed in this environment
    bar        a tqdm progress bar; its total is set here
    libraries  name → the library with its adapter
    Raises     ModuleNotFoundError if none of the libraries is installed
    """
    started, names, vectors = time.perf_counter(), list(names), setting.files()
    claims = {name: claim for name, claim in CLAIMS.items() if claim.library in names}
    bar.reset(total=len(names) * len(vectors) + len(claims))
    rows = {}
    for name in names:
        bar.set_description(libraries[name].title)
        python = interpreter(name, pythons)
        rows[name] = row(libraries[name], vectors, setting.limit, bar.update, python)
    if all(one["missing"] for one in rows.values()):
        raise ModuleNotFoundError(
            "none of the libraries is installed: " + LIBRARIES["higher"].install
        )
    found = {}
    for name, claim in claims.items():
        bar.set_description(name)
        if not rows[claim.library]["missing"]:
            found[name] = reproduce(name, claim, interpreter(claim.library, pythons))
        bar.update()
    for name, one in rows.items():
        for vector, cell in one["cells"].items():
            bear_out(name, vector, cell, found)
    content = {
        "experiment": "report-card",
        "setting": asdict(setting),
        "data": f"{len(vectors)} test vectors of hgref",
        "libraries": rows,
        "reproducers": found,
        "not posed": NOT_POSED,
        "made with": surroundings(),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "wall seconds": round(time.perf_counter() - started, 1),
    }
    return write_json(folder / "report-card.json", content)


def row(
    library: Library, vectors: dict[str, Path], limit: float, tick: Any, python: str
) -> dict[str, Any]:
    """The result of one library, with a cell for each vector."""
    posed = pose_all(library, vectors, limit, tick, python)
    if posed.missing:
        cells = dict.fromkeys(vectors, Cell(ABSENT, why=library.install))
    else:
        cells = {name: judge(path, posed.answers[name]) for name, path in vectors.items()}
    return {
        "title": library.title,
        "calls": documented_calls(library.adapter),
        "versions": posed.versions,
        "missing": posed.missing,
        "install": library.install,
        "seconds": posed.seconds,
        "cells": {name: cell.plain() for name, cell in cells.items()},
    }


def bear_out(library: str, vector: str, cell: dict[str, Any], found: dict[str, Any]) -> None:
    """If the cell's verdict is not right, add the names of the scripts that confirm it; [] if none.

    Scripts about blocks that ended in an error come after those about the cell's verdict.
    """
    if cell["verdict"] in ACCUSED:
        names = reproducers_of(library, vector, cell["verdict"])
        shown = [name for name in names if said_by(found, name)]
        if shown and cell.get("failed") and cell["verdict"] != CRASHED:
            beside = reproducers_of(library, vector, CRASHED)
            shown += [name for name in beside if said_by(found, name)]
        cell["reproducers"] = shown


def documented_calls(adapter: str) -> str:
    """The text after "Documented call(s):" in an adapter's docstring; imports nothing."""
    spec = importlib.util.find_spec(adapter)
    if spec is None or spec.origin is None:
        return ""
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("Documented call")[2].removeprefix("s").lstrip(": ").split())
