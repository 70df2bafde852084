"""`python -m paper_repro`: regenerate the paper's figures and tables."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

INTERRUPTED = 130  # the exit status that shells use after Ctrl-C

try:  # the imports take seconds
    from hgref.console import any_terminal, in_a_line
    from paper_repro.benchmark import command as benchmark
    from paper_repro.experiments import FIGURES
    from paper_repro.gpu import command as gpu
    from paper_repro.lessons import command as lessons
    from paper_repro.peers import command as peers
    from paper_repro.report import command as report
    from paper_repro.report.everything import run_all
    from paper_repro.scaling import command as scaling
    from paper_repro.sweep import command as sweep
    from paper_repro.sweep.engine import TaskFailed
except KeyboardInterrupt:
    print("\nInterrupted.")
    sys.exit(INTERRUPTED)

MEASUREMENTS = {
    "benchmark": benchmark,
    "gpu": gpu,
    "peers": peers,
    "scaling": scaling,
}  # measure this machine or other libraries: run only by name, and not resumable
EXPERIMENTS = {
    **{name: experiment.command for name, experiment in FIGURES.items()},
    "report": report,
    **MEASUREMENTS,
    "lessons": lessons,
}
KEPT = "Finished work is saved: run the same command again to continue."
NOT_KEPT = "Nothing was written: all numbers of a result must come from one run."
NOT_RESUMABLE = {*MEASUREMENTS, "lessons", "costs", "relatives", "sequel"}


def main(arguments: list[str] | None = None) -> int:
    """Run one experiment, or all of the paper's figures; returns the exit status."""
    any_terminal()
    options = parser().parse_args(arguments)
    if options.list:
        wide = max(map(len, EXPERIMENTS))
        for name, module in EXPERIMENTS.items():
            print(f"{name:{wide}}  {module.SUMMARY}")
        return 0
    try:
        if sweep.asked(options):
            sweep.run(options)
        elif options.experiment is None:
            run_all(options, print)
        else:
            EXPERIMENTS[options.experiment].run(options)
    except KeyboardInterrupt:
        kept = options.experiment not in NOT_RESUMABLE
        print(f"\nInterrupted. {KEPT if kept else NOT_KEPT}")
        return INTERRUPTED
    except (ValueError, OSError, ImportError, ArithmeticError, TaskFailed) as error:
        print(f"paper_repro: {in_a_line(error)}", file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(
        prog="python -m paper_repro",
        description="Regenerate the paper's figures and tables: all of them with a report, or the "
        f"experiment named. Run only when named: {', '.join(MEASUREMENTS)}, lessons.",
        epilog="You can stop a figure with Ctrl-C at any time; the same command continues it.",
    )
    main.add_argument("--list", action="store_true", help="list the experiments and stop")
    add_common_options(main, out=Path("figures"), data_dir=None, seed=None, size="default")
    sweep.add_options(main, shown=True, **dict.fromkeys(sweep.OPTIONS))
    commands = main.add_subparsers(dest="experiment", metavar="EXPERIMENT")
    for name, module in EXPERIMENTS.items():
        one = commands.add_parser(name, help=module.SUMMARY, description=module.SUMMARY)
        module.add_options(one)
        add_common_options(one)  # no defaults: they would overwrite options given before the name
        sweep.add_options(one, shown=name in sweep.SWEPT)
    return main


def add_common_options(parser: argparse.ArgumentParser, **defaults: Any) -> None:
    """Add the options of every experiment; they may be given before or after its name."""
    group = parser.add_argument_group("options of every experiment")

    def add(to: Any, flag: str, name: str, **about: Any) -> None:
        default = defaults.get(name, argparse.SUPPRESS)
        to.add_argument(flag, dest=name, default=default, **about)

    add(group, "--out", "out", type=Path, metavar="DIR",
        help="folder for tables and figures (default: figures)")  # fmt: skip
    add(group, "--data-dir", "data_dir", type=Path, metavar="DIR",
        help="folder with original data (default: $HGREF_DATA or the user's cache)")  # fmt: skip
    add(group, "--seed", "seed", type=int, metavar="N", help="seed of all random numbers")
    sizes = group.add_mutually_exclusive_group()
    add(sizes, "--paper", "size", action="store_const", const="paper",
        help="the paper's sizes (takes many hours)")  # fmt: skip
    add(sizes, "--small", "size", action="store_const", const="small",
        help="tiny sizes, to check within seconds that it runs")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
