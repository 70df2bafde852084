"""Spoken phones as examples of many classes, for task interactions (section 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hgref.arguments import Array, as_count
from paper_repro.data.speech.context import dynamic, normalized
from paper_repro.data.speech.corpus import PARTS
from paper_repro.data.speech.frames import Frames
from paper_repro.data.speech.phones import MINUTES
from paper_repro.data.speech.sources import load_speech


@dataclass(frozen=True, eq=False)
class Segments:
    """Spoken phones, equally many of each class.

    name     describes the source of the data in tables and results
    X        (classes · examples, 123) float32: the mean over the frames of each example
    y        (classes · examples,) int64: 0 … classes - 1, ascending
    classes  the phones
    """

    name: str
    X: Array
    y: Array
    classes: list[str]


def many_class(
    source: str,
    root: Path,
    *,
    classes: int = 50,
    examples: int = 100,
    minutes: float | None = MINUTES,
    seed: int = 0,
    bar: Any = None,
) -> Segments:
    """Random examples of the most frequent phones.

    source, root, minutes, seed, bar  as in load_phones; the seed also draws the examples
    classes   number of phones
    examples  number of examples of each
    Raises    as load_phones; ValueError if too few phones are spoken often enough
    Beware    speakers of all parts are mixed: the experiment splits the examples itself
    """
    as_count("classes", classes, 1)
    as_count("examples", examples, 1)
    speech = load_speech(source, root, minutes, seed, bar)
    frames = speech.frames
    means, phone = segment_means(frames)
    count = np.bincount(phone, minlength=len(frames.names))
    chosen = np.sort(np.argsort(-count, kind="stable")[:classes])
    enough = np.count_nonzero(count >= examples)
    if enough < classes:
        raise ValueError(
            f"{speech.name}: expected {classes} phones spoken at least {examples} times, "
            f"found {enough}"
        )
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(phone == p))[:examples] for p in chosen]
    y = np.repeat(np.arange(classes), examples)
    return Segments(
        speech.name, means[np.concatenate(rows)], y, list(map(str, frames.names[chosen]))
    )


def segment_means(frames: Frames) -> tuple[Array, Array]:
    """Mean features (k, 123) and phone (k,) of each spoken phone that has at least one frame."""
    in_training = frames.part_of_frame == PARTS.index("train")
    features = normalized(dynamic(frames.static, frames.frames), in_training)
    labelled = frames.spoken >= 0
    spoken, first, count = np.unique(frames.spoken[labelled], return_index=True, return_counts=True)
    means = np.add.reduceat(features[labelled], first) / count[:, None]
    return means.astype(np.float32), frames.phone[spoken]
