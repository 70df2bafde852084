"""List the recordings of LibriSpeech whose phones were aligned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from paper_repro.data.speech.corpus import PARTS, Recording, child_folders, require_parts

SIDES = {"train": "train", "valid": "dev", "test": "test"}  # part → how its folders' names begin


def librispeech_folder(root: Path) -> Path | None:
    """The folder `librispeech` in the root, in any letter case; None if there is none."""
    return next(iter(child_folders(root, "librispeech")), None)


def librispeech_recordings(folder: Path) -> list[Recording]:
    """The recordings in {train,dev,test}-*/SPEAKER/CHAPTER/*.flac, sorted by name.

    folder   has the archives of LibriSpeech unpacked, and beside each recording its alignment,
             NAME.TextGrid, by the Montreal Forced Aligner
    returns  the recordings that have one; aligners fail on some
    Raises   FileNotFoundError if a part has none
    Source   Panayotov et al. 2015; the alignments: Lugosch et al. 2019
    """
    found = [
        recording
        for i, part in enumerate(PARTS)
        for subset in sorted(folder.glob(f"{SIDES[part]}-*"))
        for recording in of_subset(subset, i)
    ]
    require_parts(folder, found)
    return found


def of_subset(subset: Path, part: int) -> Iterator[Recording]:
    for sound in sorted(subset.glob("*/*/*.flac")):
        aligned = sound.with_suffix(".TextGrid")
        if aligned.is_file():
            yield Recording(part, sound.parts[-3], sound.stem, sound, aligned)
