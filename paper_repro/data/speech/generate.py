"""Generate a corpus with espeak-ng, in the folder layout of TIMIT; runs as a separate process.

python -m paper_repro.data.speech.generate FOLDER --minutes 30

`generated` starts it, because only a fresh process and a fixed order of calls give the same
recordings for the same recipe. For each sentence it prints a line with its length in seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.signal import firwin, lfilter, resample_poly

from hgref.arguments import Array
from paper_repro.data.speech import espeak
from paper_repro.data.speech.phonemes import Span, spans
from paper_repro.data.speech.recipe import Recipe
from paper_repro.data.speech.recording import RATE, write_riff
from paper_repro.data.speech.sentences import sentence
from paper_repro.data.speech.voices import LANGUAGE, VOICES, speaker

UP, DOWN = 320, 441  # 22050 Hz times 320/441 is 16000 Hz
LOWPASS = firwin(20 * DOWN + 1, 1 / DOWN, window=("kaiser", 5.0))
FOLDERS = {"train": "TRAIN/DR1", "valid": "TEST/DR1", "test": "TEST/DR2"}
HALF_SENTENCE = 1.3  # seconds; with it speakers reach the requested length on average
LOUDNESS = 1500.0  # root mean square of the speech in a recording


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="generate", description="write a corpus of speech")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--noise", type=float, nargs=2, default=Recipe.noise, metavar="DB")
    options = parser.parse_args(arguments)
    recipe = Recipe(options.minutes, options.seed, tuple(options.noise))
    for seconds in generate(recipe, options.folder):
        print(f"{seconds:.4f}", flush=True)


def generate(recipe: Recipe, folder: Path) -> Iterator[float]:
    """Write the recordings, transcripts and texts of a corpus; yield the seconds of each.

    folder   gets {TRAIN,TEST}/DR?/SPEAKER/SX?.{WAV,PHN,TXT}; FOLDERS maps the parts to folders
    Exact    to the bit on one system, in a process that has not called espeak-ng before
    Beware   on other systems the lowest bits differ
    """
    synthesizer = espeak.Espeak()
    everybody = [voice for voices in VOICES.values() for voice in voices]
    for part, (voices, seconds) in recipe.speakers().items():
        for voice in voices:
            home = folder / FOLDERS[part] / speaker(voice)
            home.mkdir(parents=True)
            said, n = 0.0, 0
            while n == 0 or said + HALF_SENTENCE < seconds:
                rng = np.random.default_rng([recipe.seed, everybody.index(voice), n])
                n += 1
                x, phones, text = utterance(synthesizer, voice, recipe, rng)
                write(home / f"SX{n}", x, phones, text)
                said += len(x) / RATE
                yield len(x) / RATE


def utterance(
    synthesizer: espeak.Espeak, voice: str, recipe: Recipe, rng: np.random.Generator
) -> tuple[Array, list[Span], str]:
    """Speak a random sentence: samples (n,) int16 at 16 kHz with noise, its phones, its text."""
    text = sentence(rng)
    seed, speed, pitch = (int(rng.integers(*r)) for r in ((1, 2**31), (150, 201), (40, 61)))
    spoken, phonemes = synthesizer.speak(f"{LANGUAGE}+{voice}", text, seed, speed, pitch)
    if not len(spoken) or not spoken.any():
        raise RuntimeError(f"{voice}: expected espeak-ng to say {text!r}, found silence")
    before, after = rng.integers(RATE // 20, RATE // 5, 2)
    x = resample_poly(spoken.astype(float), UP, DOWN, window=LOWPASS)
    x = np.pad(x * (LOUDNESS / root_mean_square(x)), (before, after))
    at_16k = [(before + round(sample * UP / DOWN), name) for sample, name in phonemes]
    x = x + noise(rng, len(x), LOUDNESS / 10 ** (rng.uniform(*recipe.noise) / 20))
    return np.clip(np.rint(x), -(2**15), 2**15 - 1).astype(np.int16), spans(at_16k, len(x)), text


def noise(rng: np.random.Generator, n: int, level: float) -> Array:
    """Noise (n,) with this root mean square, white to low-pass: an AR(1) process."""
    e = lfilter([1.0], [1.0, -rng.uniform(0, 0.95)], rng.standard_normal(n))
    return e * (level / root_mean_square(e))


def root_mean_square(x: Array) -> float:
    return float(np.sqrt(np.mean(x**2)))


def write(stem: Path, x: Array, phones: list[Span], text: str) -> None:
    write_riff(stem.with_suffix(".WAV"), x)
    lines = "".join(f"{start} {end} {phone}\n" for start, end, phone in phones)
    stem.with_suffix(".PHN").write_bytes(lines.encode("ascii"))
    stem.with_suffix(".TXT").write_bytes(f"0 {len(x)} {text}\n".encode("ascii"))


if __name__ == "__main__":
    main()
