"""The verdicts of other runs: whether they hang on a seed, or on a processor's rounding.

The report of another run, copied into the folder as `report-of-NAME.json`, gets a column.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paper_repro.record import read_json

PREFIX = "report-of-"

Row = dict[str, Any]


def others(folder: Path) -> list[Row]:
    """Each other report of the folder: its name, and its verdicts or why they cannot be read."""
    return [other(path) for path in sorted(folder.glob(f"{PREFIX}*.json"))]


def other(path: Path) -> Row:
    name = path.stem.removeprefix(PREFIX)
    try:
        return {"name": name, "damaged": None, "verdicts": verdicts(read_json(path))}
    except (ValueError, OSError, KeyError, TypeError, AttributeError) as error:
        return {"name": name, "damaged": f"{type(error).__name__}: {error}", "verdicts": []}


def verdicts(content: Mapping[str, Any]) -> list[tuple[str, str, bool | None]]:
    """(stem of the result, text of the claim, whether it agrees) of all claims of a report."""
    found = [
        (str(result["stem"]), str(claim["text"]), claim["agrees"])
        for part in content["parts"]
        for result in part["results"]
        for claim in result["claims"]
    ]
    for stem, text, agrees in found:
        if agrees not in (True, False, None):
            raise ValueError(f"{stem}: {text}: expected true, false or null, found {agrees!r}")
    return found
