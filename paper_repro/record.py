"""Read and write results as JSON, and record the versions and the machine that made them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from hgref.files import write_whole
from paper_repro.digest import digest

PACKAGES = ("hgref", "numpy", "scipy", "matplotlib")


def write_json(path: Path, content: dict[str, Any]) -> Path:
    """Write a result atomically; NumPy numbers and arrays become plain numbers and lists."""
    text = json.dumps(content, indent=1, default=plain, allow_nan=False) + "\n"
    return write_whole(path, lambda file: file.write(text.encode()))


def read_json(path: Path) -> dict[str, Any]:
    """Read a result written by `write_json`; ValueError if the file holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: expected a result in JSON, found {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a result in JSON, found {type(content).__name__}")
    return content


def write_sealed(path: Path, result: Any, **beside: Any) -> Any:
    """Write a result with its digest; returns it as it will be read."""
    result = as_json(result)
    write_json(path, {**beside, "result": result, "sha256": digest(result)})
    return result


def read_sealed(path: Path) -> dict[str, Any]:
    """What `write_sealed` wrote; ValueError if the file holds none, or the result was changed."""
    content = read_json(path)
    if "result" not in content or content.get("sha256") != digest(content["result"]):
        raise ValueError(f"{path}: expected the result as it was written, found a changed one")
    return content


def kept(path: Path, say: Callable[[str], object]) -> Any:
    """The result that an interrupted run left; None if there is none, or a damaged one, as said."""
    if not path.exists():
        return None
    try:
        return read_sealed(path)["result"]
    except ValueError as error:
        say(f"{error}; it is computed again")
        return None


def remembered(path: Path, make: Callable[[], Any], say: Callable[[str], object]) -> Any:
    """The result in the file; if there is none, it is made and written first."""
    found = kept(path, say)
    return write_sealed(path, make()) if found is None else found


def as_json(content: Any) -> Any:
    """Content as it is read again from the JSON file to which it was written."""
    return json.loads(json.dumps(content, default=plain))


def plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"expected a number, a text, a list or a mapping, found {type(value).__name__}")


def surroundings() -> dict[str, Any]:
    """The versions and the machine, on which the numbers and the timings depend."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "BLAS": blas(),
        "dtype": "float64",
    }


def processor(description: Path = Path("/proc/cpuinfo")) -> str:
    """The name of the processor."""
    if description.exists():
        for line in description.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def blas() -> str:
    """The library that NumPy multiplies with, and its kernel, on which the last digits depend."""
    from threadpoolctl import threadpool_info

    found = [one for one in threadpool_info() if one["user_api"] == "blas"]
    fields = ("internal_api", "version", "architecture")
    names = [" ".join(str(one.get(field) or "") for field in fields).strip() for one in found]
    return ", ".join(dict.fromkeys(names)) or "not known"
