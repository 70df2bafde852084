"""A folder like LibriSpeech's with its phones aligned, written by hand."""

from pathlib import Path

import numpy as np
from timit_by_hand import sentence_of

SUBSETS = {"train": "train-clean-100", "valid": "dev-clean", "test": "test-clean"}
ARPABET = {"h#": "", "aa": "AA1", "b": "B", "iy": "IY0", "s": "S"}  # in TIMIT, in an alignment


def textgrid(phones, seconds, tier="phones", size=None):
    """The text of a .TextGrid with a tier of words and one of phones."""
    head = f"xmin = 0.0 \nxmax = {seconds} \n"
    words = f'    item [1]:\n        class = "IntervalTier"\n        name = "words"\n{head}'
    words += f'intervals: size = 1\nintervals [1]:\n{head}text = "said" \n'
    lines = [
        f'intervals [{i}]:\nxmin = {a / 16000} \nxmax = {b / 16000} \ntext = "{name}" \n'
        for i, (a, b, name) in enumerate(phones, 1)
    ]
    return (
        f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n{head}tiers? <exists> \n'
        f'size = 2 \nitem []: \n{words}    item [2]:\n        class = "IntervalTier" \n'
        f'        name = "{tier}" \n{head}'
        f"        intervals: size = {len(phones) if size is None else size} \n{''.join(lines)}"
    )


def write_librispeech(folder, write):
    """Write such a folder by write(path, samples); (part, name) → its phones in ARPABET."""
    rng, written = np.random.default_rng(0), {}
    for number, (part, subset) in enumerate(SUBSETS.items()):
        home = Path(folder) / subset / f"{84 + number}" / "121"
        home.mkdir(parents=True)
        for name in (f"{84 + number}-121-000{k}" for k in range(3)):
            said = sentence_of(rng)
            phones = [(a, b, ARPABET[phone]) for a, b, phone in said.phones]
            write(home / f"{name}.flac", said.x)
            (home / f"{name}.TextGrid").write_text(textgrid(phones, len(said.x) / 16000))
            written[part, name] = phones
    return written
