"""One JSON file for each task that is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from paper_repro.digest import digest
from paper_repro.record import read_json, surroundings, write_json
from paper_repro.sweep.task import Row, Task, as_json

LEFT = 60  # seconds after which nobody is writing a temporary file: a result takes one at most

Say = Callable[[str], object]


def written(folder: Path, task: Task, result: Row) -> Row:
    """Write a result beside all that it depends on; the result as it will be read."""
    result = as_json(result)
    content = {"task": task.configuration, "result": result, "sha256": digest(result)}
    write_json(folder / task.file, {**content, "made with": surroundings()})
    return result


def read(folder: Path, task: Task, say: Say) -> Row | None:
    """The result of a task; None where there is none or its file was changed.

    A changed file is no error, so that the other tasks need not wait for somebody to delete it:
    `say` is told, and the task runs again.
    """
    path = folder / task.file
    if not path.exists():
        return None
    try:
        content = read_json(path)
        result = content.get("result")
        if content.get("task") != task.configuration:
            raise ValueError(f"{path}: expected the result of {task.label}, found another task's")
        if not isinstance(result, dict) or content.get("sha256") != digest(result):
            raise ValueError(f"{path}: expected the result as it was written, found a changed one")
    except ValueError as error:
        say(f"{error}; it is run again")
        return None
    return result


def clear_temporary(folder: Path) -> None:
    """Remove what `write_whole` left where it was killed; keep what is being written just now."""
    for path in folder.glob("*/.*.json.*"):
        try:
            if time.time() - path.stat().st_mtime > LEFT:
                path.unlink()
        except FileNotFoundError:
            continue  # another sweep in this folder was faster
