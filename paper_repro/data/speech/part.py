"""Inputs and targets of the training, validation or test part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hgref.arguments import Array
from paper_repro.data.speech.context import bounds_of, with_context
from paper_repro.data.speech.frames import THIRDS, Frames


@dataclass(frozen=True, eq=False)
class Part:
    """The n labelled frames of the training, validation or test part.

    features   (m, 123) float32: of all frames of all parts, with mean 0 and deviation 1 in training
    row        (n,) the rows of `features` that belong to this part
    low, high  (n,) first and last row of the recording of each frame
    y          (n,) int64: states, 3 · phone + third
    spoken     (n,) the row of `code` for each frame
    code       (s, q) float32: the secondary target, one row for each spoken phone
    context    frames to each side in the input of a model
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
        """X[index] (B, N) without building X; N = 123 (2 context + 1)."""
        row, low, high = self.row[index], self.low[index], self.high[index]
        return with_context(self.features, row, low, high, self.context)

    def targets(self, index: Array) -> Array:
        """target[index] (B, q) without building target."""
        return self.code[self.spoken[index]]

    @cached_property
    def X(self) -> Array:
        """All inputs, (n, N) float32. Beware: 32 MB per minute of speech with context = 5."""
        return self.inputs(np.arange(len(self)))

    @cached_property
    def target(self) -> Array:
        """The secondary target of each frame, (n, q) float32."""
        return self.targets(np.arange(len(self)))


def part_of(frames: Frames, part: int, features: Array, code: Array, context: int) -> Part:
    """The labelled frames of a part; features and code are those of all parts."""
    low, high = bounds_of(frames.frames)
    row = np.flatnonzero((frames.part_of_frame == part) & (frames.spoken >= 0))
    spoken = frames.spoken[row]
    y = THIRDS * frames.phone[spoken].astype(np.int64) + frames.third[row]
    return Part(features, row, low[row], high[row], y, spoken, code, context)
