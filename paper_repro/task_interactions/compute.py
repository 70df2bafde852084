"""The numbers of Table 2 and of Figure 2."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from paper_repro.data.tasks import Tasks
from paper_repro.interval import interval
from paper_repro.record import read_json, surroundings, write_json
from paper_repro.task_interactions.methods import METHODS, learn
from paper_repro.task_interactions.setting import Setting
from paper_repro.task_interactions.splits import split

Row = dict[str, Any]


def compute(tasks: Tasks, setting: Setting, folder: Path, bar: Any) -> dict[str, Path]:
    """Learn with each method on each split; write the numbers of the table and of the figure.

    folder   for the results; what is half done stands in `.partial` there, and a run that was
             interrupted goes on from it
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
    """The table and the figure out of what the methods found on each split.

    splits   method → numbers, of each
    beside   what else is to be told about the run
    returns  name → JSON file: table2, figure2
    """
    about = {
        "experiment": setting.experiment,
        "data": {"source": tasks.name, "classes": tasks.classes},
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
    """What the methods found on one split: method → numbers; from its file where that exists."""
    found = {}
    for name in METHODS:
        file = partial / f"{seed}-{name}.json"
        if not file.exists():
            bar.set_description(f"split {seed}, {name}")
            write_json(file, learn(name, split(tasks, setting, seed), setting)._asdict())
        found[name] = read_json(file)
        bar.update()
    return found


# --- Table 2 ---


def row(name: str, splits: list[Row]) -> Row:
    """Mean and deviation of the test accuracy, and its gain over SLT on the same split."""
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
    """C of HMTL and of HMTL-S, its mean over the splits, and how often a pair is related at all."""
    matrices = {name: np.array([found[name]["C"] for found in splits])
                for name in METHODS if splits[0][name]["C"] is not None}  # fmt: skip
    return {
        "C": {name: C.mean(axis=0) for name, C in matrices.items()},
        "related": {name: (C > 0).mean(axis=0) for name, C in matrices.items()},
    }


def pictures(tasks: Tasks) -> Row:
    """One picture of each class, in bytes; none where the features have no pictures."""
    if tasks.pictures is None:
        return {"pictures": None}
    first = tasks.pictures[:, 0]
    return {"side": first.shape[1], "pictures": [bytes(one.reshape(-1)).hex() for one in first]}
