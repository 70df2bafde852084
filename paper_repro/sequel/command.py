"""`python -m paper_repro sequel`."""

from __future__ import annotations

import argparse

from paper_repro.preset import given
from paper_repro.sequel.compute import compute
from paper_repro.sequel.draw import draw
from paper_repro.sequel.setting import PRESETS

SUMMARY = "After the paper: discounted real time, solvers of the limit, unbiased estimates"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this experiment has."""
    parser.add_argument("--repeats", type=int, metavar="N", help="runs in real time of each γ")


def run(options: argparse.Namespace) -> None:
    """Compute, draw, and print the files."""
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    setting = PRESETS[options.size].changed(**given(options, "seed", "repeats"))
    with threadpool_limits(1, "blas"), tqdm(total=1, unit="part", smoothing=0.05) as bar:
        paths = compute(setting, options.out, bar)
    for path in [*paths.values(), *draw(paths)]:
        print(f"wrote {path}")
