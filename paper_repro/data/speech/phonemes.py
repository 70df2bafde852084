"""Map espeak-ng's phonemes to phones, with their boundaries.

With half an hour of speech or more, en-us gives 61 phones in this way, as many as TIMIT has.
"""

from __future__ import annotations

from collections.abc import Iterable

SILENCE = "sil"
STRESS = "',%="  # marks before a phoneme: primary, secondary, unstressed, …
SAME = {
    ";": "j",  # a glide between vowels
    "@-": "@",  # a schwa that may be skipped
    "t2": "t",  # a t that is never a flap
    "O@": "o@",
    "aI3": "aI",
    "aI@": "aI",
}  # rare phonemes, each counted as a similar one

Span = tuple[int, int, str]


def fold(phoneme: str) -> str:
    """The phone of an espeak-ng phoneme, without stress and with a single kind of silence."""
    name = phoneme.lstrip(STRESS)
    if not name or name.startswith("_"):
        return SILENCE
    return SAME.get(name, name)


def spans(phonemes: Iterable[tuple[int, str]], samples: int) -> list[Span]:
    """The phones of a recording with their first and last samples, without gaps.

    phonemes  (first sample, name) in temporal order, as espeak-ng reports them
    samples   length of the recording; everything before the first phoneme is silence
    returns   (start, end, phone) of positive length, with adjacent silences merged
    """
    starts = [(0, SILENCE), *((sample, fold(name)) for sample, name in phonemes)]
    ends = [min(sample, samples) for sample, _ in starts[1:]] + [samples]
    result: list[Span] = []
    for (start, phone), end in zip(starts, ends, strict=True):
        if start >= end:
            continue
        if result and phone == result[-1][2] == SILENCE:
            start = result.pop()[0]
        result.append((start, end, phone))
    return result
