"""`python -m paper_repro costs`."""

from __future__ import annotations

import argparse

from paper_repro.costs.compute import compute
from paper_repro.costs.draw import draw, terminal
from paper_repro.costs.setting import PRESETS, Setting
from paper_repro.preset import given
from paper_repro.record import read_json

SUMMARY = "Time and memory of forward and reverse, beside what section 4 predicts"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this experiment has."""
    parser.add_argument("--rounds", type=int, metavar="N", help="how often to time everything")


def setting_of(options: argparse.Namespace) -> Setting:
    return PRESETS[options.size].changed(**given(options, "seed", "rounds"))


def run(options: argparse.Namespace) -> None:
    """Compute, draw, and print what was measured."""
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    setting = setting_of(options)
    # one thread: the gain of a second BLAS thread varies with m and with the load
    with threadpool_limits(1, "blas"), tqdm(total=1, unit="round", smoothing=0.05) as bar:
        paths = compute(setting, options.out, bar)
    made = draw(paths)
    print(terminal(read_json(paths["costs"])))
    for path in [*paths.values(), *made]:
        print(f"wrote {path}")
