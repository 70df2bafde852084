"""The frames of all recordings in one table, cached on disk."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.files import write_whole
from paper_repro.data.speech.corpus import Recording
from paper_repro.data.speech.fbank import HOP, STATIC, WINDOW, fbank
from paper_repro.data.speech.phn import Transcript, read_phn
from paper_repro.data.speech.recording import read_recording
from paper_repro.data.speech.textgrid import read_textgrid

FORMAT = 1  # increase it when the same recordings give a different table
THIRDS = 3  # states of a phone: its beginning, middle and end


@dataclass(frozen=True, eq=False)
class Frames:
    """U recordings one after another, with m frames and s spoken phones.

    static   (m, 41) float16: the features of `fbank`
    spoken   (m,) int32: the index of the frame's spoken phone; -1 for none
    third    (m,) int8: the third of that phone in which the frame is, 0, 1 or 2
    phone    (s,) int16: the name of each spoken phone, as an index into names
    frames   (U + 1,) int64: recording u has the frames frames[u] … frames[u + 1] - 1
    phones   (U + 1,) int64: and the spoken phones phones[u] … phones[u + 1] - 1
    part     (U,) int8: the part of each recording, as an index into PARTS
    names    (P,) text: the alphabet, sorted
    """

    static: Array
    spoken: Array
    third: Array
    phone: Array
    frames: Array
    phones: Array
    part: Array
    names: Array

    @property
    def part_of_frame(self) -> Array:
        """The part of each frame, (m,) int8."""
        return np.repeat(self.part, np.diff(self.frames))


def load_frames(found: list[Recording], cache: Path, bar: Any = None) -> Frames:
    """The table of the recordings, read from the folder `cache` or computed and saved there.

    cache    the name of the file there depends on the paths, sizes and times of the recordings
    bar      a tqdm progress bar that counts recordings, or None
    Raises   as read_recording, read_phn and read_textgrid
    Cost     a millisecond per second of speech, and 9 kB of disk
    """
    file = cache / f"frames-{key(found)}.npz"
    frames = read_frames(file)
    if frames is None:
        frames = make_frames(found, bar)
        arrays = {field.name: getattr(frames, field.name) for field in fields(Frames)}
        write_whole(file, lambda handle: np.savez(handle, **arrays))
    return frames


def key(found: Iterable[Recording]) -> str:
    """A hash of everything that may change the table."""
    files = [(r.part, str(path), *size_and_time(path)) for r in found for path in (r.wav, r.phn)]
    return hashlib.sha256(json.dumps([FORMAT, files]).encode()).hexdigest()[:12]


def size_and_time(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def read_frames(file: Path) -> Frames | None:
    """The table in a file; None if it does not exist or is damaged."""
    try:
        with open(file, "rb") as handle, np.load(handle, allow_pickle=False) as arrays:
            return Frames(**{field.name: arrays[field.name] for field in fields(Frames)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def make_frames(found: list[Recording], bar: Any = None) -> Frames:
    """Compute the table from the recordings."""
    if bar is not None:
        bar.reset(total=len(found))
        bar.set_description("computing features")
    static, spoken, third, names = [], [], [], []
    frames, phones = [0], [0]
    for recording in found:
        x = read_recording(recording.wav)
        read = read_textgrid if recording.phn.suffix == ".TextGrid" else read_phn
        transcript = read(recording.phn, len(x))
        static.append(fbank(x).astype(np.float16))
        i, j = labels(transcript, len(static[-1]))
        spoken.append(np.where(i < 0, -1, i + phones[-1]))
        third.append(j)
        names += transcript.phone
        frames.append(frames[-1] + len(i))
        phones.append(phones[-1] + len(transcript.phone))
        if bar is not None:
            bar.update()
    alphabet, phone = np.unique(np.array(names), return_inverse=True)
    return Frames(
        static=np.concatenate(static or [np.zeros((0, STATIC), np.float16)]),
        spoken=np.concatenate(spoken).astype(np.int32),
        third=np.concatenate(third).astype(np.int8),
        phone=phone.astype(np.int16),
        frames=np.array(frames),
        phones=np.array(phones),
        part=np.array([recording.part for recording in found], dtype=np.int8),
        names=alphabet,
    )


def labels(transcript: Transcript, n: int) -> tuple[Array, Array]:
    """For each of n frames, the phone that is spoken at its middle, and the third of the phone.

    returns  (n,) index into the transcript, -1 if nothing is spoken; (n,) third 0, 1 or 2
    """
    middle = HOP * np.arange(n) + WINDOW // 2
    i = np.searchsorted(transcript.start, middle, side="right") - 1
    start, end = transcript.start[i], transcript.end[i]
    inside = (i >= 0) & (middle < end)
    third = THIRDS * (middle - start) // np.maximum(end - start, 1)
    return np.where(inside, i, -1), np.where(inside, third, 0)
