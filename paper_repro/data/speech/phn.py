"""Read .PHN files: the first and last sample of each spoken phone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hgref.arguments import Array

LARGEST = 2**20  # bytes; TIMIT's longest has 1500
LONGEST_NAME = 16
SLACK = 160  # samples (10 ms) by which the last phone may exceed the recording; no frame is lost


@dataclass(frozen=True, eq=False)
class Transcript:
    """The phones of a recording in temporal order.

    start, end  (k,) int64 samples: phone i is spoken at samples start[i] … end[i] - 1
    phone       k names
    """

    start: Array
    end: Array
    phone: list[str]


def read_phn(path: str | Path, samples: int | None = None) -> Transcript:
    """Read the phones in a file with lines "start end phone".

    path     the file
    samples  length of the recording, if known
    returns  Transcript with at least one phone
    Raises   FileNotFoundError; ValueError if a line does not have three fields, a number is
             invalid, phones are out of order, or one ends more than 10 ms after the recording
    Beware   phones may overlap, leave gaps, or have length 0
    Source   the folder doc of TIMIT (LDC93S1), file types
    """
    path = Path(path)
    lines = [(n, line.split()) for n, line in enumerate(read_text(path).splitlines(), 1)]
    entries = [entry(path, n, fields) for n, fields in lines if fields]
    if not entries:
        raise ValueError(f"{path}: expected lines 'start end phone', found none")
    start, end = (np.array([e[i] for e in entries], dtype=np.int64) for i in (0, 1))
    require_order(path, start, end, samples)
    return Transcript(start, end, [e[2] for e in entries])


def read_text(path: Path) -> str:
    with open(path, "rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"{path}: expected at most {LARGEST} bytes, found more")
    try:
        return data.decode("ascii")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected ASCII text, found {error}") from error


def entry(path: Path, n: int, fields: list[str]) -> tuple[int, int, str]:
    """Start, end and name from the fields of line n."""
    if len(fields) != 3 or not all(is_sample(field) for field in fields[:2]):
        found = " ".join(fields)[:60]
        raise ValueError(f"{path}: line {n}: expected 'start end phone', found {found!r}")
    if len(fields[2]) > LONGEST_NAME:
        raise ValueError(
            f"{path}: line {n}: expected a name of at most {LONGEST_NAME} letters, "
            f"found {len(fields[2])}"
        )
    return int(fields[0]), int(fields[1]), fields[2]


def is_sample(field: str) -> bool:
    """Whether the field is a valid index; int() would also accept +1, 1_0 and any number of
    digits."""
    return field.isascii() and field.isdigit() and len(field) <= 12


def require_order(path: Path, start: Array, end: Array, samples: int | None) -> None:
    wrong = (start > end) | (np.diff(start, prepend=0) < 0)
    if wrong.any():
        i = int(wrong.argmax())
        raise ValueError(
            f"{path}: expected phones in the order of time, found {start[i]} {end[i]} as number {i}"
        )
    if samples is not None and end.max() > samples + SLACK:
        raise ValueError(
            f"{path}: expected phones inside the recording of {samples} samples, "
            f"found one that ends at {end.max()}"
        )
