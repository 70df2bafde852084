"""`python -m paper_repro phones`."""

from __future__ import annotations

import argparse

from paper_repro.data.root import data_root
from paper_repro.data.speech.phones import load_phones
from paper_repro.data.speech.sources import SOURCES
from paper_repro.layer import add_layer, layer_of
from paper_repro.phones.compute import compute
from paper_repro.phones.draw import draw, terminal
from paper_repro.phones.setting import PRESETS, Setting
from paper_repro.preset import given
from paper_repro.record import read_json

SUMMARY = "Table 3 and Figure 3: η, μ and the weight of a second task in real time (section 5.3)"
BAR = "{desc}{percentage:3.0f}% |{bar}| {elapsed}{postfix}"  # without n, which is fractional


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this experiment has."""
    parser.add_argument(
        "--source", choices=SOURCES,
        help="source of the speech (default: TIMIT or LibriSpeech if --data-dir has it, else "
        "generated)",
    )  # fmt: skip
    parser.add_argument(
        "--authors", dest="size", action="store_const", const="authors", default=argparse.SUPPRESS,
        help="as in the authors' code: a second head of rectified outputs, and ρ in the unit of an "
        "error that is a mean over them",
    )  # fmt: skip
    add_layer(parser, "cpu", "cuda", others="cuda, for a GPU")
    parser.add_argument("--minutes", type=float, metavar="N", help="total length of the speech")
    parser.add_argument("--hidden", type=int, nargs="+", metavar="N", help="widths of the layers")
    parser.add_argument("--T", type=int, metavar="N", help="largest number of training steps")
    parser.add_argument("--every", type=int, metavar="N", help="Δ: steps between two updates of λ")


def setting_of(options: argparse.Namespace) -> Setting:
    names = ("seed", "source", "minutes", "T", "every", "layer")
    hidden = getattr(options, "hidden", None)
    widths = None if hidden is None else tuple(hidden)
    return PRESETS[options.size].changed(**given(options, *names), hidden=widths)


def run(options: argparse.Namespace) -> None:
    """Compute, draw, and print the table and the files."""
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    setting, root = setting_of(options), data_root(options.data_dir)
    layer_of(setting.layer)  # if this machine cannot run it, say so now
    with threadpool_limits(1, "blas"):
        with tqdm(total=1, desc="speech", leave=False) as bar:
            phones = load_phones(
                setting.source, root, minutes=setting.minutes, context=setting.context,
                q=setting.q, seed=setting.seed, bar=bar,
            )  # fmt: skip
        print(f"phones on {phones.name}: {len(phones.train)} training frames")
        with tqdm(total=1, bar_format=BAR, miniters=0) as bar:
            paths = compute(phones, setting, options.out, bar)
    made = draw(paths)
    print(terminal(read_json(paths["table3"])))
    for path in [*paths.values(), *made]:
        print(f"wrote {path}")
