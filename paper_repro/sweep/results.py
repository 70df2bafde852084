"""One JSON file for each task that is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hgref import files
from paper_repro.record import read_sealed, surroundings, write_sealed
from paper_repro.sweep.task import Row, Task

LEFT = 60  # seconds after which nobody is writing a temporary file: a result takes one at most

Say = Callable[[str], object]


def written(folder: Path, task: Task, result: Row) -> Row:
    """Write a result beside all that it depends on; the result as it will be read."""
    beside = {"task": task.configuration, "made with": surroundings()}
    return write_sealed(folder / task.file, result, **beside)


def read(folder: Path, task: Task, say: Say) -> Row | None:
    """The result of a task; None where there is none or its file was changed.

    A changed file is no error, so that the other tasks need not wait for somebody to delete it:
    `say` is told, and the task runs again.
    """
    path = folder / task.file
    if not path.exists():
        return None
    try:
        content = read_sealed(path)
        result = content["result"]
        if content.get("task") != task.configuration or not isinstance(result, dict):
            raise ValueError(f"{path}: expected the result of {task.label}, found another task's")
    except ValueError as error:
        say(f"{error}; it is run again")
        return None
    return result


def clear_temporary(folder: Path) -> None:
    """Remove what `write_whole` left where it was killed; keep what is being written just now."""
    files.clear_temporary(folder.glob("*/.*.json.*"), LEFT)
