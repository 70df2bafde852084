"""Writes a file completely or not at all."""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

LEFT = 600  # seconds after which nobody is writing a temporary file any more


def mode_of(path: Path) -> int:
    """The permissions of the file, or those of a new one."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mode & 0o777
    mask = os.umask(0o022)  # Python cannot read it without setting it
    os.umask(mask)
    return 0o666 & ~mask


def clear_temporary(paths: Iterable[Path], seconds: float) -> None:
    """Remove the temporary files of killed processes: those that are older than so many seconds."""
    for path in paths:
        with contextlib.suppress(OSError):  # another process was faster
            if time.time() - path.stat().st_mtime > seconds:
                path.unlink()


def write_whole(path: str | os.PathLike[str], write: Callable[[IO[bytes]], Any]) -> Path:
    """Call `write` on a temporary file in the same folder, then rename that file to `path`.

    path     the file to write; a missing folder is created
    write    a function of an open binary file
    returns  the path
    Raises   OSError if writing fails; then an older file at `path` is unchanged and no temporary
             file is left behind
    Cost     one write, one fsync, one rename
    Beware   an older file keeps its permissions, and a link stays a link to what is written;
             temporary files that a killed process left ten minutes ago are removed
    Source   os.replace, which is atomic on POSIX and Windows
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    target = Path(os.path.realpath(path))  # a link stays a link
    clear_temporary(target.parent.glob(f".{glob.escape(target.name)}.????????"), LEFT)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode_of(target))  # mkstemp creates files that only their owner can read
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path
