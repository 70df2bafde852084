"""Frames of speech labelled with phone states, for the phone classification of section 5.3."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hgref.arguments import as_count
from paper_repro.data.speech.context import dynamic, normalized
from paper_repro.data.speech.corpus import PARTS
from paper_repro.data.speech.embedding import embedding
from paper_repro.data.speech.frames import THIRDS
from paper_repro.data.speech.part import Part, part_of
from paper_repro.data.speech.sources import load_speech

MINUTES = 30.0


@dataclass(frozen=True, eq=False)
class Phones:
    """Speech in frames.

    name     describes the source of the data in tables and results
    train, valid, test  frames of different speakers
    phones   the alphabet; state i is the third i % 3 of the phone i // 3
    """

    name: str
    train: Part
    valid: Part
    test: Part
    phones: list[str]

    @property
    def states(self) -> int:
        return THIRDS * len(self.phones)


def load_phones(
    source: str,
    root: Path,
    *,
    minutes: float | None = MINUTES,
    context: int = 5,
    q: int = 300,
    seed: int = 0,
    bar: Any = None,
) -> Phones:
    """Load frames, states and secondary targets of the speech of a source.

    source   "timit", "librispeech": the folder of that name in the root; "generated": by espeak-ng;
             or "auto": TIMIT if the root has it, else LibriSpeech, else generated
    root     the folder of the data; its subfolder `speech` caches corpora and features
    minutes  of speech, all parts together; None: all of the corpus, or as much generated speech
    context  frames to each side: X has 123 (2 context + 1) columns, 1353 for 5
    q        length of the secondary target
    seed     of the choice of recordings, or of the generated speech
    bar      a tqdm progress bar, or None
    Raises   FileNotFoundError if the corpus is not found; ModuleNotFoundError if espeakng-loader,
             or soundfile for NIST SPHERE and FLAC, is needed but not installed; ValueError for
             damaged files, or if q is more than seven times the number of phones
    Beware   states are not labelled by hand: the frames of a phone are cut in thirds
    Source   Franceschi et al. 2017, section 5.3
    """
    as_count("context", context, 0)
    speech = load_speech(source, root, minutes, seed, bar)
    frames = speech.frames
    in_training = frames.part_of_frame == PARTS.index("train")
    features = normalized(dynamic(frames.static, frames.frames), in_training)
    spoken = frames.spoken[in_training & (frames.spoken >= 0)]
    weight = np.bincount(spoken, minlength=len(frames.phone))
    code = embedding(frames.phone, frames.phones, len(frames.names), weight, q)
    train, valid, test = (part_of(frames, i, features, code, context) for i in range(len(PARTS)))
    return Phones(speech.name, train, valid, test, [str(phone) for phone in frames.names])
