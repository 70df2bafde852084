"""The folder where the experiments look for data and cache what they compute from it."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "HGREF_DATA"


def data_root(given: str | Path | None = None) -> Path:
    """The folder of the data: `given`, else the variable HGREF_DATA, else the user's cache.

    given    the value of the option --data-dir, or None
    returns  the folder, which need not exist; a leading ~ is expanded
    Raises   ModuleNotFoundError if platformdirs is needed but not installed
    """
    if given is not None:
        return Path(given).expanduser()
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser()
    return user_cache()


def user_cache() -> Path:
    """The operating system's cache folder for hgref."""
    try:
        import platformdirs
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"platformdirs is not installed: choose a folder with --data-dir or {VARIABLE}, "
            'or run python -m pip install -e ".[repro]"'
        ) from error
    return Path(platformdirs.user_cache_dir("hgref"))
