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
    """What this experiment can be asked for, besides what every one can."""
    parser.add_argument("--rounds", type=int, metavar="N", help="how often everything is timed")


def setting_of(options: argparse.Namespace) -> Setting:
    return PRESETS[options.size].changed(**given(options, "seed", "rounds"))


def run(options: argparse.Namespace) -> None:
    """Compute, draw, and say what was measured."""
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    setting = setting_of(options)
    # what a second thread of BLAS gains depends on m, and on who else runs
    with threadpool_limits(1, "blas"), tqdm(total=1, unit="round", smoothing=0.05) as bar:
        paths = compute(setting, options.out, bar)
    made = draw(paths)
    print(terminal(read_json(paths["costs"])))
    for path in [*paths.values(), *made]:
        print(f"wrote {path}")
