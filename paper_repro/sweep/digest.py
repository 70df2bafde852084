"""Names made of content: of data, and of the program."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import hgref
import paper_repro

PACKAGES = (hgref, paper_repro)


def digest(thing: Any) -> str:
    """SHA-256 of arrays, numbers and texts, in dataclasses and sequences of any depth.

    Raises   TypeError for anything else
    Beware   pickle would do no better: equal things may have different pickles
    """
    sha = hashlib.sha256()
    for piece in pieces(thing):
        sha.update(piece)
    return sha.hexdigest()


def pieces(thing: Any) -> Iterator[bytes | memoryview]:
    """Bytes that are the same for equal things alone: each begins with its kind and length."""
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        yield f"{type(thing).__name__}:".encode()
        thing = [getattr(thing, field.name) for field in dataclasses.fields(thing)]
    if isinstance(thing, np.ndarray) and not thing.dtype.hasobject:
        yield f"array {thing.dtype.str} {thing.shape}:".encode()
        yield np.ascontiguousarray(thing).reshape(-1).view(np.uint8).data
    elif isinstance(thing, (list, tuple)):
        yield f"{len(thing)} of:".encode()
        for one in thing:
            yield from pieces(one)
    elif thing is None or isinstance(thing, (str, bool, int, float)):
        text = repr(thing)
        yield f"{len(text)} {text}".encode()
    else:
        raise TypeError(f"expected arrays, numbers and texts, found {type(thing).__name__}")


@cache
def program() -> str:
    """SHA-256 of the sources of hgref and paper_repro, as they are when it is first asked for."""
    sha = hashlib.sha256()
    for package in PACKAGES:
        folder = Path(str(package.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder.parent).as_posix()
            text = path.read_bytes().replace(b"\r\n", b"\n")  # as Git writes them on Windows
            sha.update(f"{name} {len(text)}:".encode() + text)
    return sha.hexdigest()
