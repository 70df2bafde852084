"""espeak-ng's phonemes folded to phones, with their boundaries.

From half an hour of speech on, en-us folded like this has 61 phones, as many as TIMIT.
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
}  # too rare to stand alone, and not far from what they count as

Span = tuple[int, int, str]


def fold(phoneme: str) -> str:
    """The phone that a phoneme of espeak-ng counts as: no stress, and one kind of silence."""
    name = phoneme.lstrip(STRESS)
    if not name or name.startswith("_"):
        return SILENCE
    return SAME.get(name, name)


def spans(phonemes: Iterable[tuple[int, str]], samples: int) -> list[Span]:
    """Phones with the samples from which and to which they last, without gaps.

    phonemes  (first sample, name) in the order of time, as espeak-ng gives them
    samples   length of the recording; what stands before the first phoneme is silence
    returns   (start, end, phone) of positive length, neighbouring silences made one
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
