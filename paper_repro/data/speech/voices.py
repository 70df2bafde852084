"""The speakers of the generated corpus: variants of espeak-ng's voice en-us, split three ways.

Left out of espeak-ng's 104 variants: robots, whispers and the like, and all but one of those
whose mean spectra hardly differ. Variants that are cousins stand in the same part, so that the
voices of validation and test are strangers to the model.
"""

from __future__ import annotations

from paper_repro.data.speech.sentences import words

LANGUAGE = "en-us"
VOICES: dict[str, tuple[str, ...]] = {
    "train": words(
        "Alex f1 Andy f2 john f3 m2 steph AnxiousAndy f4 Denis f5 Gene grandma Gene2 aunty "
        "Henrique Jacky Mario Michael Mike Nguyen Reed RicishayMax RicishayMax2 RicishayMax3 "
        "Tweaky adam announcer antonio benjamin david edward grandpa gustave iven iven2 iven3 "
        "iven4 kaukovalta klatt2 klatt3 klatt4 m3 m4 m5 m6 m7 max miguel mike2 pablo paul pedro "
        "rob robert sandro travis victor"
    ),
    "valid": words("Lee Annie m1 linda ed anika norbert caleb quincy ian Storm m8"),
    "test": words("boris Alicia marcelo belinda zac Andrea shelby Marco"),
}


def speaker(voice: str) -> str:
    """The folder of a voice's recordings, in capitals as TIMIT has them."""
    return voice.upper()
