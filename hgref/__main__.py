"""`python -m hgref`: checks a hypergradient from any program, and manages the test vectors."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from hgref.console import any_terminal, in_a_line, in_colour
from hgref.verify.check import check
from hgref.verify.diagnose import diagnose
from hgref.verify.vectors.cases import cases
from hgref.verify.vectors.description import problem_of, read_file
from hgref.verify.vectors.vector import DATA, derived, differences, shipped

RIGHT, WRONG, UNUSABLE, UNDECIDED = 0, 1, 2, 3
STATUS = {"right": RIGHT, "wrong": WRONG, "undecided": UNDECIDED}
UNUSABLE_INPUT = (ValueError, TypeError, OSError, ArithmeticError, MemoryError, ModuleNotFoundError)
LONGEST_LINE = 500
BESIDE = ("FORMAT.md", "consumer.py")  # files exported together with the vectors


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit status: 0 right, 1 wrong, 2 unusable, 3 undecided."""
    any_terminal()
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except UNUSABLE_INPUT as error:
        print(f"hgref: {in_a_line(error)[:LONGEST_LINE]}", file=sys.stderr)
        return UNUSABLE


def run_check(options: argparse.Namespace) -> int:
    """Compare a candidate with the hypergradient of a test vector's problem."""
    problem, lam = problem_of(read_file(options.vector))
    candidate = read_file(options.candidate, as_printed=True)
    grad = candidate.get("grad", candidate)
    report = check(problem, lam, grad)
    print(report.text(colour=in_colour()))
    if report.verdict == "wrong":
        print()
        print(diagnose(problem, lam, grad))
    return STATUS[report.verdict]


def run_vectors(options: argparse.Namespace) -> int:
    """List, recompute, export or create the test vectors."""
    files = shipped()
    if options.make:
        options.make.mkdir(parents=True, exist_ok=True)
        for case in cases():
            path = options.make / f"{case['name']}.json"
            path.write_text(json.dumps(derived(case), indent=0) + "\n", encoding="utf-8")
            print(f"made {path}")
    elif options.export:
        options.export.mkdir(parents=True, exist_ok=True)
        for path in [*files.values(), *(DATA.parent / name for name in BESIDE)]:
            print(f"wrote {shutil.copy(path, options.export)}")
    elif options.check:
        wrong = {name: fields for name, path in files.items() if (fields := differences(path))}
        for name in files:
            print(f"{name:28} {'WRONG in ' + ', '.join(wrong[name]) if name in wrong else 'ok'}")
        return WRONG if wrong else RIGHT
    else:
        print("\n".join(files))
    return RIGHT


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(
        prog="python -m hgref",
        description="Check a hypergradient computed by any program, in any language.",
        epilog="Exit status: 0 right, 1 wrong, 2 unusable input, 3 undecided.",
    )
    commands = main.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser(
        "check",
        help="check a candidate against a test vector; if it is wrong, say why",
        description="Prints a report and, if the candidate is wrong, a diagnosis.",
    )
    one.add_argument("vector", type=Path, metavar="VECTOR.json", help="a test vector")
    one.add_argument(
        "candidate", type=Path, metavar="CANDIDATE.json",
        help='{"eta": 0.1, …}: the gradient by name, for all blocks of lambda or some',
    )  # fmt: skip
    one.set_defaults(run=run_check)
    many = commands.add_parser("vectors", help="list, recompute or export the test vectors")
    what = many.add_mutually_exclusive_group()
    what.add_argument(
        "--check", action="store_true", help="recompute every digit (needs hgref[certify])"
    )
    what.add_argument("--export", type=Path, metavar="DIR", help="copy the vectors to a folder")
    what.add_argument("--make", type=Path, metavar="DIR", help="create the vectors in a folder")
    many.set_defaults(run=run_vectors)
    return main


if __name__ == "__main__":
    sys.exit(main())
