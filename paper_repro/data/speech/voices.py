"""The speakers of the generated corpus: variants of espeak-ng's voice en-us, split three ways.

We left out some of espeak-ng's 104 variants: robots, whispers and the like; caricatures, whose mean
spectrum is far from all others; and duplicates, which share the spectrum of another variant.
Validation and test speakers are a random choice of the remaining ones that have no similar variant;
similar variants are all in training.
"""

from __future__ import annotations

from paper_repro.data.speech.sentences import words

LANGUAGE = "en-us"
VOICES: dict[str, tuple[str, ...]] = {
    "train": words(
        "Alex f2 m2 steph f4 Denis belinda Gene aunty Gene2 Henrique Mario Michael Mike Nguyen "
        "Reed RicishayMax RicishayMax2 RicishayMax3 Tweaky adam antonio benjamin boris ed edward "
        "gustave iven iven2 iven3 iven4 klatt2 klatt3 klatt4 m3 m4 m7 m8 miguel norbert pablo "
        "paul quincy rob robert sandro victor"
    ),
    "valid": words("linda grandpa Annie john f3 m5 Storm caleb pedro marcelo Jacky m6"),
    "test": words("Andrea m1 f5 max anika mike2 announcer david"),
}


def speaker(voice: str) -> str:
    """The folder of a voice's recordings, in capitals as in TIMIT."""
    return voice.upper()
