"""Read the phones of a .TextGrid file, as forced aligners write it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from paper_repro.data.speech.phn import LONGEST_NAME, Transcript, read_text, require_order
from paper_repro.data.speech.recording import RATE

TIERS = ("phones", "phonemes")
SILENCE = "sil"
SILENCES = ("", "sp", SILENCE)  # pauses: without a name, short, long
NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,18})?)"
INTERVAL = re.compile(
    rf'xmin = {NUMBER}\s{{1,99}}xmax = {NUMBER}\s{{1,99}}text = "([^"\n]{{0,99}})"'
)


def read_textgrid(path: str | Path, samples: int | None = None) -> Transcript:
    """Read the intervals of the tier "phones" of a file in Praat's long text format.

    path     the file, ASCII, with the names of phones in ARPABET; their digits, which tell the
             stress, are dropped, and all pauses become "sil"
    samples  length of the recording, if known
    returns  Transcript with at least one phone
    Raises   FileNotFoundError; ValueError if there is no such tier, it has another number of
             intervals than it says, phones are out of order, or one ends more than 10 ms after the
             recording
    Source   Praat's manual, TextGrid file formats
    """
    path = Path(path)
    size, tier = phones_tier(path, read_text(path))
    found = INTERVAL.findall(tier)
    if len(found) != size or not found:
        raise ValueError(f"{path}: expected {size} intervals of phones, found {len(found)}")
    start, end = (
        np.array([round(RATE * float(one[i])) for one in found], dtype=np.int64) for i in (0, 1)
    )
    require_order(path, start, end, samples)
    return Transcript(start, end, [name_of(path, one[2]) for one in found])


def phones_tier(path: Path, text: str) -> tuple[int, str]:
    """How many intervals the tier of the phones says it has, and its text."""
    for tier in text.split("item [")[1:]:
        name = re.search(r'name = "([^"\n]{0,99})"', tier)
        size = re.search(r"intervals: size = ([0-9]{1,9})\b", tier)
        if name and size and name[1] in TIERS:
            return int(size[1]), tier
    raise ValueError(f'{path}: expected a tier "phones" of intervals, found none')


def name_of(path: Path, text: str) -> str:
    """The phone without its stress."""
    if text in SILENCES:
        return SILENCE
    name = text.rstrip("0123456789")
    if not name or len(name) > LONGEST_NAME or len(name.split()) != 1:
        raise ValueError(f"{path}: expected the name of a phone, found {text!r}")
    return name
