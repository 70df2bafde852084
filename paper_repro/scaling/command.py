"""`python -m paper_repro scaling`."""

from __future__ import annotations

import argparse

from paper_repro.preset import given
from paper_repro.record import read_json
from paper_repro.scaling.compute import compute
from paper_repro.scaling.draw import draw, terminal
from paper_repro.scaling.setting import PRESETS, Setting

SUMMARY = "hgref.plan against measurements, the gain of workers, and two plans on paper"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("--rounds", type=int, metavar="N", help="how often everything is timed")


def setting_of(options: argparse.Namespace) -> Setting:
    if options.size not in PRESETS:
        raise ValueError(f"--{options.size}: this has its default sizes, and --small ones")
    return PRESETS[options.size].changed(**given(options, "seed", "rounds"))


def run(options: argparse.Namespace) -> None:
    """Compute, draw, and print the tables."""
    from tqdm import tqdm

    setting = setting_of(options)
    with tqdm(total=1, unit="round", smoothing=0.05) as bar:
        paths = compute(setting, options.out, bar)
    made = draw(paths)
    print(terminal(read_json(paths["scaling"])))
    for path in [*paths.values(), *made]:
        print(f"wrote {path}")
