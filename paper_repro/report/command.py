"""`python -m paper_repro report`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from paper_repro.record import read_json
from paper_repro.report.compute import compute
from paper_repro.report.draw import draw, tally

SUMMARY = "The page about the results in a folder; makes none of them"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Nothing besides what every experiment can be asked for."""


def run(options: argparse.Namespace) -> None:
    """Assemble the page from what is there."""
    assemble(options.out, {})


def assemble(folder: Path, skipped: Mapping[str, str]) -> None:
    """Write the page, and say what it says.

    skipped  experiment → why it was not run just now
    """
    paths = compute(folder, skipped)
    made = draw(paths)
    print(tally(read_json(paths["report"])["parts"]))
    for path in [*paths.values(), *made]:
        print(f"wrote {path}")
