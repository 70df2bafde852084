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
    """The report has no options of its own."""


def run(options: argparse.Namespace) -> None:
    """Assemble the page from the results in the folder."""
    assemble(options.out, {})


def assemble(folder: Path, skipped: Mapping[str, str]) -> None:
    """Write the page, and print how many claims agree.

    skipped  experiment → why it was skipped in this run
    """
    paths = compute(folder, skipped)
    made = draw(paths)
    print(tally(read_json(paths["report"])["parts"]))
    for path in [*paths.values(), *made]:
        print(f"wrote {path}")
