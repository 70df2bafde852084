"""An experiment that takes no time, for workers in other processes; and a program that sweeps it.

python made_up.py OUT LOG PAUSE WORKERS
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from paper_repro.preset import Preset
from paper_repro.record import write_json
from paper_repro.sweep.engine import Sweep
from paper_repro.sweep.task import Method, tasks_of
from paper_repro.sweep.workers import InTurn, Processes


class Data(NamedTuple):
    name: str
    X: np.ndarray


@dataclass(frozen=True)
class Setting(Preset):
    """What a made-up result depends on: scale. log: a folder in which each run leaves a file."""

    log: str
    scale: float = 2.0
    pause: float = 0.0
    bad: str = ""
    deadly: str = ""
    R: tuple[float, ...] = (1.0, 3.0)
    seed: int = 0
    seeds: int = 4


DATA = Data("made up", np.arange(6.0).reshape(2, 3) / 7)
SILENT = frozenset({"log", "pause", "bad", "deadly"})
FEW = 4  # seeds


def methods(setting):
    yield Method("plain", SILENT | {"scale"})
    yield from (Method(f"times-{R:g}", SILENT, R) for R in setting.R)
    yield Method("after", SILENT, needs="plain")


def run(data, task, needed):
    """A number that only the right data, method, seed, R and needed result give."""
    setting = task.setting
    with tempfile.NamedTemporaryFile(
        dir=setting.log, prefix=f"{task.method}_{task.seed}_{os.getpid()}_", delete=False
    ):
        time.sleep(setting.pause)
    if setting.bad == f"{task.method} {task.seed}":
        raise ValueError("a bad number")
    if setting.deadly == f"{task.method} {task.seed}":
        os.kill(os.getpid(), signal.SIGKILL)
    value = float(data.X.sum()) + np.sqrt(task.seed + 2)
    if task.R is not None:
        value *= setting.scale * task.R
    return {"value": value + (0 if needed is None else needed["value"] / 3), "array": data.X[0]}


def tasks(setting, seeds=FEW, data=DATA):
    return tasks_of("made-up", methods(setting), setting, range(seeds), data)


def swept(todo):
    """The table of a sweep."""
    with closing(todo.as_completed()) as done:
        for _ in done:
            pass
    return table(todo)


def table(todo):
    """What a sweep has found so far."""
    return {f"{method} {seed}": row for (method, seed), row in todo.rows.items()}


def sweep(setting, folder, start=InTurn, seeds=FEW, say=print):
    return Sweep(tasks(setting, seeds), run, DATA, folder, start, say)


def runs(log):
    """method_seed of each run that was begun."""
    return sorted("_".join(path.name.split("_")[:2]) for path in Path(log).iterdir())


if __name__ == "__main__":
    out, log, pause, workers = sys.argv[1:]
    todo = sweep(Setting(log, pause=float(pause)), Path(out), partial(Processes, int(workers)))
    try:
        write_json(Path(out) / "table.json", swept(todo))
    except KeyboardInterrupt:
        sys.exit(130)
