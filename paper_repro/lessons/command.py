"""`python -m paper_repro lessons`."""

from __future__ import annotations

import argparse
import string
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

from hgref.console import extra_of
from hgref.files import write_whole
from paper_repro.lessons import api, pages, recursions
from paper_repro.lessons.notebook import notebook
from paper_repro.lessons.prose import translator
from paper_repro.lessons.script import Output, read, scripts, solutions
from paper_repro.lessons.script import run as run_cells
from paper_repro.table import write_text

SUMMARY = (
    "Fifteen lessons, from the dynamical system to training backwards: figures, and pages to read"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only the lessons have."""
    parser.add_argument(
        "numbers", nargs="*", type=int, metavar="N", help="lessons to run (default: all)"
    )
    parser.add_argument(
        "--html",
        action="store_true",
        help="also write pages, notebooks and slides to lessons/ in --out",
    )
    parser.add_argument(
        "--solutions",
        action="store_true",
        help="fill in the exercises' model solutions, and print them; pages go to solutions/",
    )


def run(options: argparse.Namespace) -> None:
    """Run the lessons; write their figures and, if asked for, their pages."""
    from tqdm import tqdm

    wanted, html, solved = chosen(options.numbers), options.html, options.solutions
    if html:
        translator({})  # raise now if the extra is missing, before anything runs
        notebook([])
    with tqdm(total=1, unit="cell", smoothing=0.05) as bar:
        ran, sentences = run_all(wanted, bar, solved)
        bar.set_description("figures")
        made = [path for number in ran for path in save(number, ran[number], options.out)]
        if not options.numbers:
            made += recursions.draw(recursions.compute(), options.out)
    made.append(write_text(options.out / "api.md", api.markdown(api.entries())))
    if html:
        folder = options.out / ("solutions" if solved else "lessons")
        pictures = (options.out / f"recursions.{kind}" for kind in ("png", "gif"))
        made += pages.write(ran, folder, [path for path in pictures if path.exists()])
        if folder / pages.SLIDES not in made:
            sentences.append(
                f"{pages.SLIDES} is as it was: it is made with all lessons of the folder"
            )
    if solved:
        sentences += [said for number in ran for said in solved_and_judged(number, ran[number])]
    for line in [*sentences, *(f"wrote {path}" for path in made)]:
        print(line)


def solved_and_judged(number: int, outputs: Sequence[Output]) -> Iterator[str]:
    """The model solutions of a lesson, and what the judge says of them."""
    yield f"# --- lesson {number} ---\n"
    yield from (f"{source}\n" for source in solutions(number).values())
    text = "".join(output.text for output in outputs)
    yield from (line for line in text.splitlines() if line.startswith("Exercise "))


def chosen(numbers: Sequence[int]) -> dict[int, Path]:
    """The scripts of the lessons with these numbers, or all; ValueError for an unknown number."""
    known = scripts()
    for number in numbers:
        if number not in known:
            listed = ", ".join(map(str, known))
            raise ValueError(f"lessons: expected numbers among {listed}, found {number}")
    return {number: known[number] for number in sorted(set(numbers)) or known}


def run_all(
    wanted: dict[int, Path], bar: Any, solved: bool = False
) -> tuple[dict[int, list[Output]], list[str]]:
    """Run the lessons: (number → outputs, a sentence for each lesson that was skipped)."""
    ran: dict[int, list[Output]] = {}
    sentences = []
    bar.reset(total=sum(len(read(path)) for path in wanted.values()))
    for number, path in wanted.items():
        bar.set_description(f"lesson {number}")
        outputs = []
        try:
            for output in run_cells(read(path), solutions(number) if solved else None):
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
