"""Table 2 and Figure 2 on workers: each method on each split is a task."""

from __future__ import annotations

from pathlib import Path

from paper_repro.data.root import data_root
from paper_repro.data.tasks import Tasks, load_tasks
from paper_repro.record import read_json
from paper_repro.sweep.over_seeds import Found
from paper_repro.sweep.task import Row
from paper_repro.task_interactions.compute import methods, run, write
from paper_repro.task_interactions.draw import draw, terminal
from paper_repro.task_interactions.methods import METHODS
from paper_repro.task_interactions.setting import Setting

__all__ = ["finish", "load", "methods", "run"]


def load(setting: Setting, data_dir: Path | None) -> Tasks:
    """The examples of all splits."""
    from tqdm import tqdm

    with tqdm(total=1, leave=False) as bar:
        root = data_root(data_dir)
        return load_tasks(setting.source, setting.features, root, 0, setting.per_class, bar)


def finish(
    found: Found, tasks: Tasks, setting: Setting, folder: Path, beside: Row
) -> tuple[list[Path], str]:
    """Write the same Table 2 and Figure 2 as without workers; the files, and the terminal table."""
    seeds = range(setting.seed, setting.seed + setting.seeds)
    splits = [{name: found[name, seed] for name in METHODS} for seed in seeds]
    paths = write(splits, tasks, setting, folder, beside)
    return [*paths.values(), *draw(paths)], terminal(read_json(paths["table2"]))
