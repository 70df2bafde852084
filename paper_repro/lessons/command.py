"""`python -m paper_repro lessons`."""

from __future__ import annotations

import argparse
import string
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

from hgref.console import extra_of
from hgref.files import write_whole
from paper_repro.lessons import api, pages, recursions
from paper_repro.lessons.prose import translator
from paper_repro.lessons.script import Output, read, scripts
from paper_repro.lessons.script import run as run_cells
from paper_repro.table import write_text

SUMMARY = (
    "Thirteen lessons, from the dynamical system to the outer loop: figures, and pages to read"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only the lessons have."""
    parser.add_argument(
        "numbers", nargs="*", type=int, metavar="N", help="lessons to run (default: all)"
    )
    parser.add_argument(
        "--html", action="store_true", help="also write HTML pages to lessons/ in --out"
    )


def run(options: argparse.Namespace) -> None:
    """Run the lessons; write their figures and, if asked for, their pages."""
    from tqdm import tqdm

    wanted, html = chosen(options.numbers), options.html
    if html:
        translator({})  # raises now if the extra is missing, before anything runs
    with tqdm(total=1, unit="cell", smoothing=0.05) as bar:
        ran, sentences = run_all(wanted, bar)
        bar.set_description("figures")
        made = [path for number in ran for path in save(number, ran[number], options.out)]
        film = None
        if not options.numbers:
            made += recursions.draw(recursions.compute(), options.out)
            film = made[-1]
    made.append(write_text(options.out / "api.md", api.markdown(api.entries())))
    if html:
        made += pages.write(ran, options.out / "lessons", film)
    for line in [*sentences, *(f"wrote {path}" for path in made)]:
        print(line)


def chosen(numbers: Sequence[int]) -> dict[int, Path]:
    """The scripts of the lessons with these numbers, or all; ValueError for an unknown number."""
    known = scripts()
    for number in numbers:
        if number not in known:
            listed = ", ".join(map(str, known))
            raise ValueError(f"lessons: expected numbers among {listed}, found {number}")
    return {number: known[number] for number in sorted(set(numbers)) or known}


def run_all(wanted: dict[int, Path], bar: Any) -> tuple[dict[int, list[Output]], list[str]]:
    """Run the lessons: (number → outputs, a sentence for each lesson that was skipped)."""
    ran: dict[int, list[Output]] = {}
    sentences = []
    bar.reset(total=sum(len(read(path)) for path in wanted.values()))
    for number, path in wanted.items():
        bar.set_description(f"lesson {number}")
        outputs = []
        try:
            for output in run_cells(read(path)):
                outputs.append(output)
                bar.update()
        except ModuleNotFoundError as missing:
            sentences.append(skipped(number, missing))
            bar.update(len(read(path)) - len(outputs))
        else:
            ran[number] = outputs
    return ran, sentences


def skipped(number: int, missing: ModuleNotFoundError) -> str:
    """Say which extra a lesson needs; re-raise if no extra brings the missing module."""
    extra = extra_of(missing)
    if extra is None:
        raise missing
    return (
        f"skipped: lesson {number} needs {missing.name}, which the extra `{extra}` installs: "
        f'python -m pip install -e ".[{extra}]"'
    )


def save(number: int, outputs: Sequence[Output], folder: Path) -> list[Path]:
    """Write lesson-NN.png, or lesson-NN-a.png, -b.png … if a lesson has several figures."""
    figures = [figure for output in outputs for figure in output.figures]
    letters = [f"-{letter}" for letter in string.ascii_lowercase] if figures[1:] else [""]
    names = [f"lesson-{number:02}{letter}.png" for letter in letters]
    return [
        write_whole(folder / name, partial(write_bytes, data=figure))
        for name, figure in zip(names, figures, strict=False)
    ]


def write_bytes(file: IO[bytes], data: bytes) -> int:
    return file.write(data)
