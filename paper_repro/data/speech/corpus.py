"""List the recordings of a folder in TIMIT's layout, split into training, validation and test."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from paper_repro.data.speech.recording import RATE, duration
from paper_repro.data.speech.sentences import words

PARTS = ("train", "valid", "test")
CORE = frozenset(
    words(
        "MDAB0 MWBT0 FELC0 MTAS1 MWEW0 FPAS0 MJMP0 MLNT0 FPKT0 MLLL0 MTLS0 FJLM0 "
        "MBPM0 MKLT0 FNLP0 MCMJ0 MJDH0 FMGD0 MGRT0 MNJM0 FDHC0 MJLN0 MPAM0 FMLD0"
    )
)
INSIDE = ("", "timit", "data")  # subfolders in which copies of TIMIT have TRAIN and TEST


@dataclass(frozen=True)
class Recording:
    """A spoken sentence: the index of its part in PARTS, its sound, and its transcript."""

    part: int
    speaker: str
    sentence: str
    wav: Path
    phn: Path

    @property
    def seconds(self) -> float:
        """The length, header included where samples are not compressed."""
        compressed = self.wav.suffix == ".flac"
        return duration(self.wav) if compressed else self.wav.stat().st_size / (2 * RATE)


def timit_folder(root: Path) -> Path | None:
    """The folder with TIMIT's TRAIN and TEST, in `timit` in the root; None if there is none."""
    for timit in child_folders(root, "timit"):
        for inside in INSIDE:
            for folder in child_folders(timit, inside) if inside else [timit]:
                if all(child_folders(folder, part) for part in ("train", "test")):
                    return folder
    return None


def recordings(folder: Path, test_speakers: Collection[str] = CORE) -> list[Recording]:
    """The recordings in {TRAIN,TEST}/DR?/SPEAKER, in any letter case, sorted by name.

    folder         has TRAIN and TEST
    test_speakers  in capitals: the speakers in TEST that form the test part, the others being for
                   validation; by default the 24 of TIMIT's core test set
    returns        all recordings but the SA sentences, which all speakers of TIMIT read
    Raises         FileNotFoundError if a folder or a transcript is missing, or a part is empty
    Source         the folder doc of TIMIT (LDC93S1): file types, and the core test set
    """
    found = [
        recording
        for side in ("train", "test")
        for speaker in speakers(folder, side)
        for recording in of_speaker(speaker, side, test_speakers)
    ]
    require_parts(folder, found)
    return sorted(found, key=lambda r: (r.part, r.wav.parts[-3].upper(), r.speaker, r.sentence))


def require_parts(folder: Path, found: list[Recording]) -> None:
    """Raise FileNotFoundError if a part has no recording."""
    for i, part in enumerate(PARTS):
        if not any(recording.part == i for recording in found):
            raise FileNotFoundError(
                f"{folder}: expected recordings for the part {part}, found none"
            )


def speakers(folder: Path, side: str) -> Iterator[Path]:
    homes = child_folders(folder, side)
    if not homes:
        raise FileNotFoundError(f"{folder}: expected a folder {side.upper()}, found none")
    for home in homes:
        for region in sorted(home.iterdir()):
            if region.is_dir() and region.name.upper().startswith("DR"):
                yield from sorted(path for path in region.iterdir() if path.is_dir())


def of_speaker(home: Path, side: str, test_speakers: Collection[str]) -> Iterator[Recording]:
    """A speaker's recordings, without the SA sentences."""
    name = home.name.upper()
    part = 0 if side == "train" else 2 if name in test_speakers else 1
    sounds, transcripts = {}, {}
    for path in sorted(home.iterdir(), key=lambda path: len(path.name)):
        sentence = path.name.split(".")[0].upper()
        kind = path.suffix.upper()
        if kind == ".WAV":
            sounds[sentence] = path  # SX1.WAV.wav, a copy in RIFF, replaces SX1.WAV
        elif kind == ".PHN":
            transcripts[sentence] = path
    for sentence, wav in sounds.items():
        if sentence.startswith("SA"):
            continue
        if sentence not in transcripts:
            raise FileNotFoundError(f"{wav}: expected a transcript {sentence}.PHN beside it")
        yield Recording(part, name, sentence, wav, transcripts[sentence])


def child_folders(folder: Path, name: str) -> list[Path]:
    """The subfolders with this name, in any letter case; the folder itself need not exist."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.name.lower() == name and p.is_dir())


def share(found: list[Recording], minutes: float, seed: int) -> list[Recording]:
    """A random choice of recordings of about this length; each part keeps its share.

    returns  at least one recording of each part, in the given order; all if they are not longer
    """
    seconds = np.array([recording.seconds for recording in found])
    part = np.array([recording.part for recording in found])
    kept = np.zeros(len(found), dtype=bool)
    rng = np.random.default_rng(seed)
    for i in range(len(PARTS)):
        order = rng.permutation(np.flatnonzero(part == i))
        wanted = 60 * minutes * seconds[order].sum() / seconds.sum()
        before = np.cumsum(seconds[order]) - seconds[order]
        kept[order[before < wanted]] = True
    return [found[i] for i in np.flatnonzero(kept)]
