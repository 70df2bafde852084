"""`python -m paper_repro recurrent`."""

from __future__ import annotations

import argparse

from paper_repro.preset import given
from paper_repro.record import read_json
from paper_repro.recurrent.compute import compute
from paper_repro.recurrent.draw import draw, terminal
from paper_repro.recurrent.setting import PRESETS, Setting

SUMMARY = "A recurrent network: RTRL fills Z forwards, BPTT fills α backwards"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this experiment has."""
    parser.add_argument("--T", type=int, metavar="T", help="length of the sequence")
    parser.add_argument("--hidden", type=int, metavar="N", help="number of hidden units")


def setting_of(options: argparse.Namespace) -> Setting:
    return PRESETS[options.size].changed(**given(options, "seed", "T", "hidden"))


def run(options: argparse.Namespace) -> None:
    """Compute, draw, and print how far apart the gradients are."""
    paths = compute(setting_of(options), options.out)
    made = draw(paths)
    print(terminal(read_json(paths["recurrent"])))
    for path in [*paths.values(), *made]:
        print(f"wrote {path}")
