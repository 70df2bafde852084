"""What a model is shown of training, validation or test."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hgref.arguments import Array
from paper_repro.data.speech.context import bounds_of, with_context
from paper_repro.data.speech.frames import THIRDS, Frames


@dataclass(frozen=True, eq=False)
class Part:
    """The labelled frames of training, validation or test, n of them.

    features   (m, 123) float32: of all frames of all parts, mean 0 and deviation 1 in training
    row        (n,) which of them are the frames of this part
    low, high  (n,) first and last row of the recording that a frame is in
    y          (n,) int64: states, 3 · phone + third
    spoken     (n,) the row of code that a frame is given
    code       (s, q) float32: the secondary target, one row for each spoken phone
    context    frames to each side that a model is shown
    """

    features: Array
    row: Array
    low: Array
    high: Array
    y: Array
    spoken: Array
    code: Array
    context: int

    def __len__(self) -> int:
        return len(self.y)

    def inputs(self, index: Array) -> Array:
        """X[index] (B, N) without making X: N = 123 (2 context + 1)."""
        row, low, high = self.row[index], self.low[index], self.high[index]
        return with_context(self.features, row, low, high, self.context)

    def targets(self, index: Array) -> Array:
        """target[index] (B, q) without making target."""
        return self.code[self.spoken[index]]

    @cached_property
    def X(self) -> Array:
        """(n, N) float32. Beware: 32 MB for a minute of speech where context = 5."""
        return self.inputs(np.arange(len(self)))

    @cached_property
    def target(self) -> Array:
        """(n, q) float32: what is spoken around each frame."""
        return self.targets(np.arange(len(self)))


def part_of(frames: Frames, part: int, features: Array, code: Array, context: int) -> Part:
    """The frames of a part that a phone is spoken in; features and code are those of all parts."""
    low, high = bounds_of(frames.frames)
    row = np.flatnonzero((frames.part_of_frame == part) & (frames.spoken >= 0))
    spoken = frames.spoken[row]
    y = THIRDS * frames.phone[spoken].astype(np.int64) + frames.third[row]
    return Part(features, row, low[row], high[row], y, spoken, code, context)
