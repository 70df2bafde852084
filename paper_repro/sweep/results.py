"""The folder of a sweep: a file for each task that is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from paper_repro.record import read_json, surroundings, write_json
from paper_repro.sweep.task import Row, Task

LEFT = 60  # seconds after which a temporary file is nobody's: writing a result takes one at most

Say = Callable[[str], object]


def written(folder: Path, task: Task, result: Row) -> Row:
    """Write a result beside what it depends on; the result as it is read back."""
    content = {"task": task.configuration, "result": result, "made with": surroundings()}
    return dict(read_json(write_json(folder / task.file, content))["result"])


def read(folder: Path, task: Task, say: Say) -> Row | None:
    """The result of a task; None where there is none.

    A file that is damaged, or that is another task's, is told and then made anew, not an error: its
    numbers can be had again, and hours of others should not wait for somebody to delete it.
    """
    path = folder / task.file
    if not path.exists():
        return None
    try:
        content = read_json(path)
        if content.get("task") != task.configuration:
            raise ValueError(f"{path}: expected the result of {task.label}, found another task's")
        if not isinstance(content.get("result"), dict):
            raise ValueError(f"{path}: expected a result, found none")
    except ValueError as error:
        say(f"{error}; it is run again")
        return None
    return dict(content["result"])


def clear_temporary(folder: Path) -> None:
    """Remove what `write_whole` left where it was killed; what is being written just now stays."""
    for path in folder.glob("*/.*.json.*"):
        try:
            if time.time() - path.stat().st_mtime > LEFT:
                path.unlink()
        except FileNotFoundError:
            continue  # another sweep in this folder was faster
