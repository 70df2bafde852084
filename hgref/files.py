"""Writes a file completely or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


def write_whole(path: str | os.PathLike[str], write: Callable[[IO[bytes]], Any]) -> Path:
    """Call `write` on a temporary file in the same folder, then rename that file to `path`.

    path     the file to write; a missing folder is created
    write    a function of an open binary file
    returns  the path
    Raises   OSError if writing fails; then an older file at `path` is unchanged and no temporary
             file is left behind
    Cost     one write, one fsync, one rename
    Source   os.replace, which is atomic on POSIX and Windows
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # mkstemp creates files that only their owner can read
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path
