"""Read recordings in RIFF format, in NIST SPHERE as TIMIT has it, or in FLAC, as LibriSpeech."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np

from hgref.arguments import Array

RATE = 16000  # samples per second
LARGEST = 2**26  # bytes, half an hour; TIMIT's longest recording has eight seconds
RIFF = b"RIFF"
BY_SOUNDFILE = {b"NIST_1A": "NIST SPHERE", b"fLaC": "FLAC"}  # how files begin, what they are


def read_recording(path: str | Path) -> Array:
    """Read the samples of a recording with one channel, 16 kHz and 16 bits.

    path     a RIFF, SPHERE or FLAC file; its first bytes, not its name, decide which
    returns  (n,) int16
    Raises   FileNotFoundError; ModuleNotFoundError if soundfile is needed but not installed: for
             all but RIFF; ValueError if the file is damaged or has another format
    Cost     one read; memory grows with the bytes actually read
    """
    path = Path(path)
    with open(path, "rb") as file:
        magic = file.read(max(map(len, BY_SOUNDFILE)))
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(f"{path}: expected at most {LARGEST} bytes, found {size}")
    if magic.startswith(RIFF):
        return read_riff(path, size)
    for beginning, kind in BY_SOUNDFILE.items():
        if magic.startswith(beginning):
            return read_by_soundfile(path, kind)
    known = ", ".join(("RIFF", *BY_SOUNDFILE.values()))
    raise ValueError(f"{path}: expected a file of {known}, found one beginning {magic!r}")


def read_riff(path: Path, size: int) -> Array:
    try:
        with wave.open(str(path), "rb") as file:
            found = (file.getnchannels(), file.getframerate(), 8 * file.getsampwidth())
            require_kind(path, found)
            n = file.getnframes()
            data = file.readframes(min(n, size // 2))  # the header may be wrong
    except (wave.Error, EOFError, RuntimeError) as error:  # RuntimeError: a chunk is too long
        found_instead = str(error) or type(error).__name__
        raise ValueError(
            f"{path}: expected a whole RIFF file of PCM, found: {found_instead}"
        ) from error
    if len(data) != 2 * n:
        raise ValueError(f"{path}: expected {n} samples, found {len(data) // 2}")
    return np.frombuffer(data, "<i2").astype(np.int16)


def read_by_soundfile(path: Path, kind: str) -> Array:
    soundfile = imported(path, kind)
    try:
        with soundfile.SoundFile(path) as file:
            require_kind(path, (file.channels, file.samplerate, bits(file.subtype)))
            data = file.read(min(file.frames, LARGEST // 2), dtype="int16")
            announced = file.frames
    except soundfile.SoundFileError as error:
        raise ValueError(f"{path}: expected a whole {kind} file, found: {error}") from error
    if len(data) != announced:
        raise ValueError(f"{path}: expected {announced} samples, found {len(data)}")
    return data


def duration(path: Path) -> float:
    """Seconds of a FLAC file, from its header."""
    soundfile = imported(path, "FLAC")
    try:
        return float(soundfile.info(path).duration)
    except soundfile.SoundFileError as error:
        raise ValueError(f"{path}: expected a whole FLAC file, found: {error}") from error


def imported(path: Path, kind: str) -> Any:
    """The module soundfile, which reads this kind."""
    try:
        import soundfile
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path} is a {kind} file, and soundfile is not installed: "
            'run python -m pip install -e ".[speech]"'
        ) from error
    return soundfile


def bits(subtype: str) -> int | str:
    return 16 if subtype == "PCM_16" else subtype


def require_kind(path: Path, found: tuple[int, int, int | str]) -> None:
    if found != (1, RATE, 16):
        raise ValueError(
            f"{path}: expected 1 channel, {RATE} samples a second, 16 bits, "
            f"found {found[0]}, {found[1]}, {found[2]}"
        )


def write_riff(path: Path, x: Array) -> None:
    """Write the samples x (n,) int16 as a RIFF file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(x.astype("<i2").tobytes())
