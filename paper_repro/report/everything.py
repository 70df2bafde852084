"""Run all experiments of the paper one after another, then write the report."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from paper_repro.experiments import FIGURES
from paper_repro.record import read_json, write_json
from paper_repro.report import command


def run_all(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Run all of `FIGURES` and assemble the report; skip experiments whose data are missing.

    options  of the command line: out, data_dir, seed, size
    say      prints a line
    Raises   whatever an experiment raises, except FileNotFoundError and ModuleNotFoundError
    Cost     the sum of all experiments
    Beware   finished experiments are listed in `.partial` and not run again after an interruption
    """
    from tqdm import tqdm
    from tqdm.contrib import DummyTqdmFile

    progress = progress_file(options)
    done: list[str] = read_json(progress).get("done", []) if progress.exists() else []
    skipped: dict[str, str] = {}
    print_above = redirect_stdout(DummyTqdmFile(sys.stdout))
    with tqdm(total=len(FIGURES), unit="part", smoothing=0) as bar, print_above:
        for name in FIGURES:
            bar.set_description(f"all: {name}")
            if name in done:
                say(f"{name}: done before the interruption")
            elif why_not := run_one(name, options):
                skipped[name] = why_not
                say(f"skipped: {name}: {why_not}")
            else:
                done.append(name)
                write_json(progress, {"done": done})
            bar.update()
    command.assemble(options.out, skipped)
    progress.unlink(missing_ok=True)


def run_one(name: str, options: argparse.Namespace) -> str | None:
    """Run one experiment; None, or a sentence that names the missing data or extra."""
    try:
        FIGURES[name].command.run(options)
    except (FileNotFoundError, ModuleNotFoundError) as error:
        return str(error) or type(error).__name__
    return None


def progress_file(options: argparse.Namespace) -> Path:
    """The file that lists the finished experiments; each combination of options has its own."""
    asked = repr([options.size, options.seed, options.data_dir])
    key = hashlib.sha256(asked.encode()).hexdigest()[:12]
    return Path(options.out) / ".partial" / f"all-{key}.json"
