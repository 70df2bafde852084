"""The parameters of a generated corpus."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version

from hgref.arguments import as_count
from paper_repro.data.speech.phonemes import SAME, STRESS
from paper_repro.data.speech.sentences import GRAMMAR
from paper_repro.data.speech.voices import LANGUAGE, VOICES

FORMAT = 1  # increase it when the same recipe gives different recordings
LEAST_SPEAKER = 6.0  # least seconds for each speaker; short corpora use fewer speakers
MOST_MINUTES = 6000


@dataclass(frozen=True)
class Recipe:
    """Sizes and seed of a corpus.

    minutes     of speech, all parts together; each speaker has the same share
    seed        of the sentences, the speed and pitch of the voices, and the noise
    noise       least and greatest signal-to-noise ratio, dB
    """

    minutes: float
    seed: int = 0
    noise: tuple[float, float] = (5.0, 20.0)

    def __post_init__(self) -> None:
        as_count("seed", self.seed, 0, 2**31 - 1)
        if not 0 < self.minutes <= MOST_MINUTES:
            raise ValueError(
                f"minutes: expected a number in (0, {MOST_MINUTES}], found {self.minutes}"
            )
        if not -100 <= self.noise[0] <= self.noise[1] <= 100:
            raise ValueError(f"noise: expected two numbers of dB in order, found {self.noise}")

    def speakers(self) -> dict[str, tuple[list[str], float]]:
        """part → (its voices, the seconds of each voice)."""
        everybody = sum(len(voices) for voices in VOICES.values())
        result = {}
        for part, voices in VOICES.items():
            seconds = 60 * self.minutes * len(voices) / everybody
            talking = min(len(voices), max(1, int(seconds / LEAST_SPEAKER)))
            result[part] = (list(voices[:talking]), seconds / talking)
        return result

    def key(self) -> str:
        """A hash of everything that changes the recordings; names the folder of the corpus."""
        own = [float(self.minutes), int(self.seed), *map(float, self.noise)]  # 1 as 1.0
        made_of = [FORMAT, own, LANGUAGE, VOICES, GRAMMAR, STRESS, SAME]
        text = json.dumps([*made_of, version("espeakng-loader")], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
