"""A folder like TIMIT's, written by hand: noises for phones, a few speakers."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ALPHABET = ("h#", "aa", "b", "iy", "s")
PHONE_SAMPLES = 1600


@dataclass(frozen=True)
class Written:
    """A sentence: its samples, and its transcript as (start, end, phone)."""

    x: np.ndarray
    phones: list


def sentence_of(rng, n=8):
    """Noise between silences, each phone of another colour and loudness."""
    names = ["h#", *rng.choice(ALPHABET[1:], n), "h#"]
    kinds = np.array([ALPHABET.index(name) for name in names])
    t = np.arange(PHONE_SAMPLES)
    x = [30 * rng.standard_normal(len(t)) + 1000 * k * np.sin(0.3 * k * t) for k in kinds]
    phones = [(i * len(t), (i + 1) * len(t), name) for i, name in enumerate(names)]
    return Written(np.concatenate(x).astype(np.int16), phones)


def text_file(path, text):
    """A file of this text, or of these bytes."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def riff(path, x):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, len(x), "NONE", ""))
        file.writeframes(x.astype("<i2").tobytes())


def sphere(path, x):
    """NIST SPHERE as TIMIT has it: a header of 1024 bytes, then the samples."""
    lines = (
        "NIST_1A\n   1024\nchannel_count -i 1\n"
        f"sample_count -i {len(x)}\nsample_rate -i 16000\nsample_n_bytes -i 2\n"
        "sample_byte_format -s2 01\nsample_sig_bits -i 16\nsample_coding -s3 pcm\nend_head\n"
    )
    path.write_bytes(lines.encode().ljust(1024) + x.astype("<i2").tobytes())


# part → speakers: those of "test" are of TIMIT's core test set
SPEAKERS = {"train": ("FAAA0", "MBBB0"), "valid": ("FCCC0",), "test": ("MDAB0", "FELC0")}
SENTENCES = ("SA1", "SI100", "SX7")


def write_timit(folder, letters=str.upper, write=riff, seed=0):
    """Write such a folder; (part, speaker, sentence) → Written."""
    rng, written = np.random.default_rng(seed), {}
    for part, speakers in SPEAKERS.items():
        for speaker in speakers:
            side = "train" if part == "train" else "test"
            home = Path(folder) / letters(side) / letters("dr1") / letters(speaker)
            home.mkdir(parents=True)
            for sentence in SENTENCES:
                said = written[part, speaker, sentence] = sentence_of(rng)
                write(home / letters(f"{sentence}.wav"), said.x)
                lines = "".join(f"{a} {b} {phone}\n" for a, b, phone in said.phones)
                (home / letters(f"{sentence}.phn")).write_text(lines)
    return written
