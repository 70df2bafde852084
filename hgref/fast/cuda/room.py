"""The shared memory of a block that has examples of its own; see owned.py.

X of some examples   for the whole launch
weights              of one column, by feature
sums of threads, then R = δ or its tangent
z, means, targets    of each output, and λ_i/B: of a chunk of the examples
"""

from __future__ import annotations

from typing import NamedTuple

from hgref.fast.cuda.device import SIMULATED, THREADS

FEW = 12  # outputs; a thread has no registers for the sums of many more
# threads of a warp; examples, features of a thread at one time
LANES, EXAMPLES, FEATURES = (4, 6, 2) if SIMULATED else (32, 5, 4)
WARPS = THREADS // LANES
GROUP = WARPS * EXAMPLES  # examples of a block at one time
SEGMENT = LANES + 1  # of the sums of a warp: no two of them in one bank


class Room(NamedTuple):
    """What a block has in shared memory.

    K        outputs, `classes` of the first head; 0: nothing of this module
    held     if not 0, its examples are one group for the whole launch, and X of this number of
             them of each warp is there; no mini-batches
    """

    K: int
    classes: int = 0
    held: int = 0

    @property
    def stride(self) -> int:
        """Distance of the weights of two features: odd, so that they are in different banks."""
        return self.K | 1

    @property
    def features(self) -> int:
        """Features that a thread waits for at one time, going over the features."""
        return 1 if self.held == EXAMPLES else 3

    @property
    def examples(self) -> int:
        """Examples that a thread waits for at one time, going over the examples."""
        return 2 if self.held == EXAMPLES else 4

    @property
    def chunk(self) -> int:
        """Examples from z to Rᵀ X at one time."""
        return GROUP if self.held else 3 * GROUP

    @property
    def sums(self) -> int:
        """Numbers of the sums of threads, or of R."""
        return self.K * max(WARPS * SEGMENT, self.chunk + self.examples)

    def numbers(self, N1: int, examples: int) -> int:
        """All numbers, for a block with so many examples."""
        held = min(examples, self.held * WARPS)
        return (held + self.stride) * N1 + self.sums + (3 * self.K + 1) * self.chunk


def rooms(K: int, classes: int, may_hold: bool) -> list[Room]:
    """What a block may have, the fastest first; may_hold: whether examples may stay there."""
    return [Room(K, classes, count) for count in range(EXAMPLES * may_hold, -1, -1)]
