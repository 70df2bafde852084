"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


def write_whole(path: str | os.PathLike[str], write: Callable[[IO[bytes]], Any]) -> Path:
    """Let `write` fill a temporary neighbour of `path`, then rename it to `path`.

    path     where the file shall stand; its folder is made where it is missing
    write    function of an open binary file
    returns  the path
    Raises   OSError where the disk refuses: what stood at `path` before still stands, and no
             temporary file is left
    Cost     one write, one fsync, one rename
    Source   the textbook's way to an atomic replacement on POSIX and Windows (os.replace)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # mkstemp's 0600 is not what a result should have
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path
