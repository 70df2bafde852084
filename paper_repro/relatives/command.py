"""`python -m paper_repro relatives`."""

from __future__ import annotations

import argparse

from paper_repro.preset import given
from paper_repro.record import read_json
from paper_repro.relatives.compute import compute
from paper_repro.relatives.draw import draw
from paper_repro.relatives.setting import PRESETS, Setting
from paper_repro.relatives.table import terminal

SUMMARY = "Reversible learning, checkpoints, truncation and implicit gradients on one problem"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this experiment has."""
    parser.add_argument(
        "--T", type=int, metavar="T", help="steps of the run that is differentiated"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="how often to time everything")


def setting_of(options: argparse.Namespace) -> Setting:
    return PRESETS[options.size].changed(**given(options, "seed", "T", "rounds"))


def run(options: argparse.Namespace) -> None:
    """Compute, draw, and print what was measured."""
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    setting = setting_of(options)
    # one thread, as for the costs: the gain of a second BLAS thread varies with the load
    with threadpool_limits(1, "blas"), tqdm(total=1, unit="part", smoothing=0.05) as bar:
        paths = compute(setting, options.out, bar)
    made = draw(paths)
    print(terminal(read_json(paths["relatives"])))
    for path in [*paths.values(), *made]:
        print(f"wrote {path}")
