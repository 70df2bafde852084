"""The folder in which the experiments look for data and keep what they made of it."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "HGREF_DATA"


def data_root(given: str | Path | None = None) -> Path:
    """The folder of the data: `given`, else the variable HGREF_DATA, else the user's cache.

    given    what the option --data-dir says; None where it was not used
    returns  the folder, which need not exist; a leading ~ is the user's home
    Raises   ModuleNotFoundError where platformdirs is needed and not installed
    """
    if given is not None:
        return Path(given).expanduser()
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser()
    return user_cache()


def user_cache() -> Path:
    """The folder which the operating system gives hgref for what can be made again."""
    try:
        import platformdirs
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"platformdirs is not installed: choose a folder with --data-dir or {VARIABLE}, "
            'or run python -m pip install -e ".[repro]"'
        ) from error
    return Path(platformdirs.user_cache_dir("hgref"))
