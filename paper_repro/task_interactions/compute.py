"""Compute the numbers of Table 2 and Figure 2."""

from __future__ import annotations

import functools
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from paper_repro.data.tasks import Tasks
from paper_repro.digest import origin
from paper_repro.interval import interval
from paper_repro.record import remembered, surroundings, write_json
from paper_repro.task_interactions.methods import METHODS, learn
from paper_repro.task_interactions.setting import Setting
from paper_repro.task_interactions.splits import split

Row = dict[str, Any]


def compute(tasks: Tasks, setting: Setting, folder: Path, bar: Any) -> dict[str, Path]:
    """Run each method on each split; write the numbers of the table and the figure.

    folder   for the results; its subfolder `.partial` holds the progress of an interrupted run,
             from which the next one continues
    bar      a tqdm progress bar; its total is set here
    returns  name → JSON file: table2, figure2
    Cost     seeds · 4 · hyper_iterations hypergradients
    Source   Franceschi et al. 2017, section 5.2
    """
    started = time.perf_counter()
    partial = folder / ".partial" / f"{setting.experiment}-{setting.key(tasks.name)}"
    resumed = partial.exists()
    bar.reset(total=setting.seeds * len(METHODS))
    seeds = range(setting.seed, setting.seed + setting.seeds)
    splits = [learnt(tasks, setting, seed, partial, bar) for seed in seeds]
    about = {"wall seconds": round(time.perf_counter() - started, 1), "resumed": resumed}
    paths = write(splits, tasks, setting, folder, about)
    shutil.rmtree(partial, ignore_errors=True)
    return paths


def write(
    splits: list[Row], tasks: Tasks, setting: Setting, folder: Path, beside: Row
) -> dict[str, Path]:
    """Write the numbers of the table and the figure, from the results on each split.

    splits   for each split: method → its result
    beside   further information about the run, to be stored with the numbers
    returns  name → JSON file: table2, figure2
    """
    about = {
        "experiment": setting.experiment,
        "data": {**origin(tasks), "classes": tasks.classes},
        "setting": asdict(setting),
        "made with": surroundings(),
        **beside,
    }
    contents = {
        "table2": {**about, "rows": [row(name, splits) for name in METHODS], "splits": splits},
        "figure2": {**about, **relations(splits), **pictures(tasks)},
    }
    return {
        name: write_json(folder / f"{setting.experiment}-{name}.json", content)
        for name, content in contents.items()
    }


def learnt(tasks: Tasks, setting: Setting, seed: int, partial: Path, bar: Any) -> Row:
    """The results on one split: method → result; finished ones are read from their files."""
    found = {}
    for name in METHODS:
        bar.set_description(f"split {seed}, {name}")
        make = functools.partial(learn_split, name, tasks, setting, seed)
        found[name] = remembered(partial / f"{seed}-{name}.json", make, bar.write)
        bar.update()
    return found


def learn_split(name: str, tasks: Tasks, setting: Setting, seed: int) -> Row:
    """The result of a method on one split."""
    return learn(name, split(tasks, setting, seed), setting)._asdict()


# --- Table 2 ---


def row(name: str, splits: list[Row]) -> Row:
    """Mean and standard deviation of the test accuracy, and the gain over SLT on the same split."""
    test = np.array([found[name]["test"] for found in splits])
    gain, half = interval(test - [found["SLT"]["test"] for found in splits])
    return {
        "method": name,
        "test accuracy": test.mean(),
        "deviation": test.std(ddof=1),
        "gain over SLT": gain,
        "95 % interval": [gain - half, gain + half],
        "validation error": np.mean([found[name]["error"] for found in splits]),
    }


# --- Figure 2 ---


def relations(splits: list[Row]) -> Row:
    """For HMTL and HMTL-S: the mean of C over the splits, and how often C > 0, for each pair."""
    matrices = {name: np.array([found[name]["C"] for found in splits])
                for name in METHODS if splits[0][name]["C"] is not None}  # fmt: skip
    return {
        "C": {name: C.mean(axis=0) for name, C in matrices.items()},
        "related": {name: (C > 0).mean(axis=0) for name, C in matrices.items()},
    }


def pictures(tasks: Tasks) -> Row:
    """One picture of each class as bytes; None if the examples have no pictures."""
    if tasks.pictures is None:
        return {"pictures": None}
    first = tasks.pictures[:, 0]
    return {"side": first.shape[1], "pictures": [bytes(one.reshape(-1)).hex() for one in first]}
