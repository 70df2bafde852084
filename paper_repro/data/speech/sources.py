"""Load speech from TIMIT, LibriSpeech or espeak-ng as a table of frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hgref.arguments import as_count, require_known
from paper_repro.data.speech.corpus import Recording, recordings, share, timit_folder
from paper_repro.data.speech.fbank import HOP
from paper_repro.data.speech.frames import Frames, load_frames
from paper_repro.data.speech.generated import generated_corpus
from paper_repro.data.speech.librispeech import librispeech_folder, librispeech_recordings
from paper_repro.data.speech.recipe import Recipe
from paper_repro.data.speech.recording import RATE
from paper_repro.data.speech.voices import VOICES, speaker

SOURCES = ("auto", "timit", "librispeech", "generated")
TIMIT_MINUTES = 246.0  # of its 5040 sentences without SA


@dataclass(frozen=True, eq=False)
class Speech:
    """A table of frames; the name describes the source of the data in tables and results."""

    name: str
    frames: Frames


def load_speech(source: str, root: Path, minutes: float | None, seed: int, bar: Any) -> Speech:
    """Load the speech of a source; for the arguments see load_phones."""
    require_known(source, SOURCES, "source of speech")
    as_count("seed", seed, 0, 2**31 - 1)
    if minutes is not None and not minutes > 0:
        raise ValueError(f"minutes: expected a number > 0, found {minutes}")
    recorded = original(source, root)
    if recorded is None:
        name = "synthetic speech by espeak-ng"
        found = generated_recordings(root, Recipe(minutes or TIMIT_MINUTES, seed), bar)
    else:
        name, found = recorded
        found = found if minutes is None else share(found, minutes, seed)
    frames = load_frames(found, root / "speech", bar)
    length = len(frames.static) * HOP / RATE / 60
    return Speech(f"{name}, {length:.3g} minutes, {len(frames.names)} phones", frames)


def original(source: str, root: Path) -> tuple[str, list[Recording]] | None:
    """(name, recordings) of the corpus that the root has; None if speech is to be generated."""
    corpora = {
        "timit": ("TIMIT", timit_folder, recordings, "timit with TRAIN and TEST"),
        "librispeech": ("LibriSpeech", librispeech_folder, librispeech_recordings, "librispeech"),
    }
    for key, (name, find, read, what) in corpora.items():
        if source in ("auto", key):
            if folder := find(root):
                return name, read(folder)
            if source == key:
                raise FileNotFoundError(f"{key}: expected a folder {what} in {root}, found none")
    return None


def generated_recordings(root: Path, recipe: Recipe, bar: Any) -> list[Recording]:
    """The recordings of a generated corpus, with its own test speakers."""
    folder = generated_corpus(root, recipe, bar)
    return recordings(folder, {speaker(voice) for voice in VOICES["test"]})
