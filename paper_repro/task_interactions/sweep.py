"""Table 2 and Figure 2 on workers: each method on each split is a task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paper_repro.data.root import data_root
from paper_repro.data.tasks import Tasks, load_tasks
from paper_repro.record import read_json
from paper_repro.sweep.over_seeds import Found
from paper_repro.sweep.task import Method, Row, Task
from paper_repro.task_interactions.compute import write
from paper_repro.task_interactions.draw import draw, terminal
from paper_repro.task_interactions.methods import METHODS, learn
from paper_repro.task_interactions.setting import Setting
from paper_repro.task_interactions.splits import split

BOUNDED = "HMTL-S"  # the method with the bound R


def load(setting: Setting, data_dir: Path | None) -> Tasks:
    """The examples of all splits."""
    from tqdm import tqdm

    with tqdm(total=1, leave=False) as bar:
        root = data_root(data_dir)
        return load_tasks(setting.source, setting.features, root, 0, setting.per_class, bar)


def methods(setting: Setting) -> Iterator[Method]:
    """The four of Table 2."""
    for name in METHODS:
        yield Method(name, R=setting.R if name == BOUNDED else None)


def run(tasks: Tasks, task: Task, needed: Row | None) -> Row:
    """The result of a method on a split."""
    setting: Any = task.setting
    return learn(task.method, split(tasks, setting, task.seed), setting)._asdict()


def finish(
    found: Found, tasks: Tasks, setting: Setting, folder: Path, beside: Row
) -> tuple[list[Path], str]:
    """Write the same Table 2 and Figure 2 as without workers; the files, and the terminal table."""
    seeds = range(setting.seed, setting.seed + setting.seeds)
    splits = [{name: found[name, seed] for name in METHODS} for seed in seeds]
    paths = write(splits, tasks, setting, folder, beside)
    return [*paths.values(), *draw(paths)], terminal(read_json(paths["table2"]))
