"""`python -m paper_repro benchmark`."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

from hgref.arguments import as_count
from paper_repro.benchmark.compute import compute
from paper_repro.benchmark.draw import draw
from paper_repro.benchmark.problems import PROBLEMS
from paper_repro.benchmark.setting import SETTINGS, Setting
from paper_repro.benchmark.table import terminal
from paper_repro.record import read_json

SUMMARY = "Time and memory on this machine, of the fast layer, of JAX and of torch (section 3)"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this experiment has."""
    parser.add_argument(
        "--peers", action="store_true", help="also time JAX and torch (extra: peers)"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads of each contender (default: 2; P3: 1)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=PROBLEMS, metavar="PROBLEM",
        help=f"time only these problems, no memory: {', '.join(PROBLEMS)}",
    )  # fmt: skip


def setting_of(options: argparse.Namespace) -> Setting:
    if options.size not in SETTINGS:
        raise ValueError(f"--{options.size}: the benchmark has only its default sizes and --small")
    setting = SETTINGS[options.size]
    seed = getattr(options, "seed", None)
    return setting if seed is None else replace(setting, seed=as_count("seed", seed, 0))


def threads_of(options: argparse.Namespace) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    most = cores or 1
    wanted = getattr(options, "threads", None)
    return min(2, most) if wanted is None else as_count("threads", wanted, 1, most)


def run(options: argparse.Namespace) -> None:
    """Compute, draw, and print what was measured."""
    from tqdm import tqdm

    setting, threads = setting_of(options), threads_of(options)
    only = getattr(options, "only", None) or list(PROBLEMS)
    with tqdm(total=1, unit="round", smoothing=0.05) as bar:
        peers = getattr(options, "peers", False)
        paths = compute(setting, only, threads, peers, options.out, bar)
    made = draw(paths)
    print(terminal(read_json(paths["benchmark"])))
    for path in [*paths.values(), *made]:
        print(f"wrote {path}")
