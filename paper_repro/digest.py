"""Names made from content: of data and settings, of results, of the program."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import hgref
import paper_repro

PACKAGES = (hgref, paper_repro)


def digest(thing: Any) -> str:
    """SHA-256 of what JSON can hold, and of arrays and dataclasses in it, at any depth.

    Raises   TypeError for anything else
    Beware   lists and tuples are the same; a hash of a pickle would not do, as equal things may
             have different pickles
    """
    return hashlib.sha256(json.dumps(thing, default=described, sort_keys=True).encode()).hexdigest()


def origin(data: Any) -> dict[str, str]:
    """What results tell of their data: the name, and SHA-256 of the content."""
    return {"source": data.name, "sha256": digest(data)}


def described(thing: Any) -> dict[str, Any]:
    """What JSON holds in place of an array or a dataclass."""
    if isinstance(thing, np.ndarray) and not thing.dtype.hasobject:
        data = np.ascontiguousarray(thing).reshape(-1).view(np.uint8).data
        return {thing.dtype.str: [thing.shape, hashlib.sha256(data).hexdigest()]}
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        fields = [getattr(thing, field.name) for field in dataclasses.fields(thing)]
        return {type(thing).__name__: fields}
    raise TypeError(f"expected arrays, numbers and texts, found {type(thing).__name__}")


@cache
def program() -> str:
    """SHA-256 of the sources of hgref and paper_repro, as they are at the first call."""
    sha = hashlib.sha256()
    for package in PACKAGES:
        folder = Path(str(package.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder.parent).as_posix()
            text = path.read_bytes().replace(b"\r\n", b"\n")  # as Git writes them on Windows
            sha.update(f"{name} {len(text)}:".encode() + text)
    return sha.hexdigest()
