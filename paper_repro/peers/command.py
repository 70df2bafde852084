"""`python -m paper_repro peers`."""

from __future__ import annotations

import argparse

from paper_repro.peers.compute import compute
from paper_repro.peers.draw import draw
from paper_repro.peers.libraries import LIBRARIES
from paper_repro.peers.setting import PRESETS, Setting
from paper_repro.peers.table import terminal
from paper_repro.preset import given
from paper_repro.record import read_json

SUMMARY = "Report card of public libraries: run the test vectors through each of them"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this measurement has."""
    parser.add_argument(
        "--only", nargs="+", choices=LIBRARIES, metavar="LIBRARY",
        help=f"run only these libraries: {', '.join(LIBRARIES)}",
    )  # fmt: skip
    parser.add_argument(
        "--limit", type=float, metavar="SECONDS", help="time limit of each library (default: 240)"
    )
    parser.add_argument("--vectors", metavar="PATTERN", help="such as adam-* (default: all)")
    parser.add_argument(
        "--python", nargs="+", default=[], metavar="LIBRARY=PATH",
        help="the Python interpreter for a library that is installed in its own environment",
    )  # fmt: skip


def setting_of(options: argparse.Namespace) -> Setting:
    if options.size not in PRESETS:
        raise ValueError(f"--{options.size}: peers has only its default size and --small")
    return PRESETS[options.size].changed(**given(options, "limit", "vectors"))


def pythons_of(options: argparse.Namespace) -> dict[str, str]:
    """Library → interpreter, from the option --python."""
    found = {}
    for text in getattr(options, "python", []):
        name, _, path = text.partition("=")
        if name not in LIBRARIES or not path:
            raise ValueError(f"--python: expected LIBRARY=PATH, found {text}")
        found[name] = path
    return found


def run(options: argparse.Namespace) -> None:
    """Run and judge the libraries, draw, and print how many vectors each got right."""
    from tqdm import tqdm

    setting, pythons = setting_of(options), pythons_of(options)
    names = getattr(options, "only", None) or list(LIBRARIES)
    with tqdm(total=1, unit="vector", smoothing=0.05) as bar:
        path = compute(setting, names, pythons, options.out, bar)
    made = draw(path)
    print(terminal(read_json(path)))
    for one in [path, *made]:
        print(f"wrote {one}")
