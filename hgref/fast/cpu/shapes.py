"""Shapes of all scratch arrays of this layer, and the constants that divide its work.

Pure Python: the layer allocates these arrays, and hgref.planning adds up their sizes.

A pass multiplies X with a panel of columns, applies the network above, and multiplies the results
with Xᵀ. It reads X in blocks of rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hgref.objectives.data_loss import DataLoss
from hgref.objectives.losses import TwoClasses
from hgref.objectives.mlp import MLP
from hgref.objectives.multi_task import MultiTask

# OpenBLAS has a fast path for products of fewer than a million multiplications, on one thread. A
# block of rows is small enough for this path, and for half of a small second-level cache.
SMALL_PRODUCT = 900_000
BLOCK_BYTES = 420_000
LEAST_ROWS, WIDE_ROWS = 32, 256  # the fast path is slow for fewer rows; then a block is wide
FEW = 200_000  # multiplications of a pass that is as fast as a call of a kernel from Python
ALONE = 500_000  # multiplications of a pass below which a second thread costs more than it gains
MANY = 32_768  # weights below which a second thread costs more than it gains
NARROW = 8  # a panel for sparse rows is padded to a multiple of this many columns
LINE = 64  # bytes of a cache line; scratch memory is aligned to it
ONE_CALL = 250_000  # numbers of states that one call of a kernel recomputes, at least
STORED = 2**30  # bytes of predictions that are kept, at most, unless `recompute` is given

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Data:
    """The sizes of a data loss.

    n            examples
    widths       features N, units of each hidden layer, outputs
    batch        examples of a step; None: all
    nonzeros     entries of a sparse X; None: X is dense
    bias         whether layers have a bias
    weighted     whether λ has a weight for each example
    two_headed   whether λ has the weight of a second head
    two_classes  whether the one output is that of a logistic regression
    centred      whether a centre is subtracted from the features
    itemsize     bytes of an entry of X
    """

    n: int
    widths: tuple[int, ...]
    batch: int | None = None
    nonzeros: int | None = None
    bias: bool = True
    weighted: bool = False
    two_headed: bool = False
    two_classes: bool = False
    centred: bool = False
    itemsize: int = 8

    @classmethod
    def of(cls, part: DataLoss) -> Data:
        features: Any = part.features
        return cls(
            n=features.n,
            widths=tuple(part.widths) if isinstance(part, MLP) else (features.N, part.outputs),
            batch=None if features.batches is None else features.B,
            nonzeros=features.X.nnz if features.sparse else None,
            bias=bool(getattr(part, "bias", True)),
            weighted=part.example_weights,
            two_headed=isinstance(part, MultiTask) and part.name is not None,
            two_classes=isinstance(part.loss, TwoClasses),
            centred=features.centre is not None,
            itemsize=features.X.dtype.itemsize,
        )

    @property
    def B(self) -> int:
        """Examples of a step."""
        return self.n if self.batch is None else self.batch

    @property
    def N(self) -> int:
        return self.widths[0]

    @property
    def outputs(self) -> int:
        return self.widths[-1]

    @property
    def layered(self) -> bool:
        return len(self.widths) > 2

    @property
    def entries(self) -> int:
        """Stored numbers of X."""
        return self.n * self.N if self.nonzeros is None else self.nonzeros

    @property
    def weights(self) -> int:
        """p of the model."""
        return sum((a + self.bias) * b for a, b in zip(self.widths, self.widths[1:], strict=False))

    @property
    def kept(self) -> int:
        """Numbers that an example keeps for the way back."""
        return kept_numbers(sum(self.widths[1:-1]), self.outputs, self.two_classes)

    def small(self, k: int) -> bool:
        """Whether a pass with k tangents is over in microseconds."""
        few = self.B * self.N * (1 + k) * self.outputs < FEW
        return few and not self.layered and self.nonzeros is None


def forms(parts: Sequence[Data], k: int) -> list[str]:
    """How the X of each is stored for passes with k tangents: "sparse", "small" or "dense".

    Small ones are stored so only if all are small: then the whole recursion is one function.
    """
    dense = "small" if all(one.small(k) for one in parts) else "dense"
    return [dense if one.nonzeros is None else "sparse" for one in parts]


def kept_numbers(hidden: int, outputs: int, two_classes: bool) -> int:
    """h, x, b_h of each hidden unit; of each output its mean, and σ(−z) if the mean is σ(z)."""
    return 3 * hidden + (2 if two_classes else 1) * outputs


class Panel(NamedTuple):
    """The columns of one pass: base + k are multiplied with X, lead + k with Xᵀ.

    base   1: z¹ of w itself comes first; 0: it is already known
    k      number of tangent columns
    lead   1: δ comes first in the product with Xᵀ; 0: only the tangents
    """

    base: int
    k: int
    lead: int


class Machine(NamedTuple):
    """Threads of the kernels, and whether BLAS can be kept on the thread that calls it."""

    threads: int
    blas_alone: bool


def partition(
    data: Data, form: str, panel: Panel, itemsize: int, machine: Machine
) -> tuple[int, int]:
    """(parts for threads, rows of a block); the rows of a linear model depend on n₁ and N alone."""
    B, N = max(data.B, 1), max(data.N, 1)
    columns = max((panel.base + panel.k) * data.widths[1], 1)
    if form == "sparse":
        seen = data.entries * data.B / max(data.n, 1)  # entries in the rows of a step
        return (1 if seen * columns < ALONE else machine.threads), B
    rows = min(SMALL_PRODUCT // (N * columns), BLOCK_BYTES // (N * itemsize)) // 8 * 8
    if data.layered or rows < LEAST_ROWS:  # large products
        if not machine.blas_alone:
            return 1, B
        rows = -(-B // machine.threads) if data.layered else WIDE_ROWS
    return (1 if B * N * columns < ALONE else machine.threads), min(rows, B)


def scratch(
    data: Data, form: str, panel: Panel, p: int, itemsize: int, machine: Machine
) -> tuple[int, Shapes]:
    """(rows of a block, shapes of the arrays of hgref.fast.cpu.features.Work)."""
    parts, rows = partition(data, form, panel, itemsize, machine)
    N, n1, B = data.N, data.widths[1], data.B
    into, out = (panel.base + panel.k) * n1, (panel.lead + panel.k) * n1
    if form == "sparse":
        padded_in, padded_out = (-(-C // NARROW) * NARROW for C in (into, out))
        shapes: Shapes = {"panel": (N, padded_in), "z": (B, padded_in), "r": (B, padded_out)}
        shapes |= {"X": (parts, 0, N), "pulled": (1, N, padded_out)}
    else:
        N += form == "small" and data.bias  # a row of ones
        block = (N, rows) if form == "small" else (rows, N)
        shapes = {"panel": (into, N), "z": (parts, into * rows), "r": (parts, out * rows)}
        shapes |= {"X": (parts, *(block if data.batch is not None else (0, 0)))}
        shapes |= {"pulled": (parts, out, N)}
    back = panel.lead == 0  # α_t B_t needs the shares of λ
    return rows, shapes | {
        "offset": (into,),
        "G": (parts, panel.lead + panel.k, p),
        "c": (B,),
        "share": (B * (back and data.weighted),),
        "to_head": (parts, data.outputs * (back and data.two_headed)),
    }


def stretch(T: int, d: int) -> int:
    """Steps that one call of a kernel takes; signals are handled between two calls.

    With √T steps, the way back needs the fewest states.
    """
    return max(math.isqrt(T - 1) + 1, ONE_CALL // d)
