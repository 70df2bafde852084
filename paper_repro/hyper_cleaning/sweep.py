"""Table 1 over many seeds: each seed splits the digits and corrupts labels differently."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paper_repro.data.images import Images, load_images
from paper_repro.data.root import data_root
from paper_repro.digest import origin
from paper_repro.hyper_cleaning.compute import BASELINES, baseline, cleaned, weights_of
from paper_repro.hyper_cleaning.corruption import corrupt
from paper_repro.hyper_cleaning.methods import clean
from paper_repro.hyper_cleaning.setting import Setting
from paper_repro.sweep import over_seeds
from paper_repro.sweep.over_seeds import Compared, Found
from paper_repro.sweep.task import Method, Row, Task

WHAT = Compared(
    "hyper-cleaning", "Baseline", "test accuracy",
    ("F1", "precision", "recall", "discarded"),
)  # fmt: skip
OF_CLEANING = frozenset({"T", "hyper_iterations", "outer_rate", "discard_below"})


def load(setting: Setting, data_dir: Path | None) -> Images:
    """The digits of all seeds."""
    return load_images(setting.images, data_root(data_dir), setting.needed)


def methods(setting: Setting) -> Iterator[Method]:
    """Oracle, Baseline, and a DH-R for each R."""
    yield from (Method(name, OF_CLEANING) for name in BASELINES)
    yield from (Method(f"DH-{R:g}", R=R) for R in setting.R)


def run(images: Images, task: Task, needed: Row | None) -> Row:
    """A row of Table 1."""
    setting: Any = task.setting
    data = corrupt(images, setting)
    if task.R is None:
        return baseline(data, setting, task.method)
    return cleaned(data, setting, task.R, weights_of(clean(data, setting, task.R)))


def finish(
    found: Found, images: Images, setting: Setting, folder: Path, beside: Row
) -> tuple[list[Path], str]:
    """Write the means over the seeds; returns the files, and the table for a terminal."""
    return over_seeds.finish(WHAT, found, origin(images), setting, folder, beside)
