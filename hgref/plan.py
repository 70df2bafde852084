"""Which algorithm fits into memory, before it is run."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import as_count
from hgref.dynamics import Recurrent
from hgref.hypergradient.treeverse import leaf_of, steps_in_leaves
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.losses import TwoClasses
from hgref.objectives.mlp import MLP
from hgref.problem import Problem

FEW = 200_000  # multiplications of a small pass, see `is_small`
ALONE = 500_000  # multiplications of a pass for which hgref.fast.cpu takes one thread
OBJECTS = 80_000  # bytes of all that is small, about
ONE_CALL = 250_000  # numbers of states in the stretches of hgref.fast.cpu
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
UNITS |= {f"{unit}I": 2 ** (10 * power) for power, unit in enumerate("KMGT", 1)}


@dataclass(frozen=True)
class Way:
    """One way to a hypergradient with hgref.fast.cpu.

    call         as it is written in Python
    bytes        what it allocates at its peak beside the problem itself
    steps        steps Φ of training, those run again included
    products     products with A_t, of one column each: T backwards, T·m forwards
    checkpoints  states from which it starts anew, 1 for none but s_0
    """

    call: str
    bytes: int
    steps: int
    products: int
    checkpoints: int = 1


@dataclass(frozen=True)
class Plan:
    """The ways to a hypergradient, the quickest first, and what fits.

    ways    all that were looked at
    budget  bytes
    """

    ways: tuple[Way, ...]
    budget: int

    @property
    def best(self) -> Way | None:
        """The first that fits, or None."""
        return next((way for way in self.ways if way.bytes <= self.budget), None)

    def __str__(self) -> str:
        width = max(len(way.call) for way in self.ways)
        lines = [f"{'':3}{'':{width}}  {'memory':>9}  {'steps':>8}  {'products':>9}  checkpoints"]
        for way in self.ways:
            mark = "-> " if way is self.best else "   " if way.bytes <= self.budget else " x "
            lines.append(
                f"{mark}{way.call:{width}}  {readable(way.bytes):>9}  {way.steps:>8}  "
                f"{way.products:>9}  {way.checkpoints:>11}"
            )
        if self.best is None:
            least = min(way.bytes for way in self.ways)
            lines.append(
                f"Nothing fits into {readable(self.budget)}: the least is {readable(least)}"
            )
        return "\n".join(lines)


def plan(
    problem: Problem,
    budget: str | int = "2 GB",
    *,
    wrt: Iterable[str] | None = None,
    dtype: Any = np.float64,
) -> Plan:
    """What each algorithm of hgref.fast.cpu would need, and the quickest that fits.

        reverse       T (p + B·kept) numbers      kept: what an example leaves for the way back
          recompute   T p
        checkpointed  (T/k) d + k (p + B·kept)    k the largest distance that fits
          slots       s d + L (p + B·kept)        where none fits: s the most slots that do
        forward       2 m d                       one column of Z for each hyperparameter

    and √T states, at least 2 MB of them, on the way back; L <= s or k if there are fewer

    budget   bytes, or a text: "500 MB", "2 GB", "1.5 GiB"
    wrt      names of the blocks that are wanted, which is what `forward` costs by; default all
    dtype    of the products with the data: float64 or float32
    returns  Plan: printable; `.best` is the Way to take, `.ways` are all of them
    Raises   ValueError for a budget that is no size; TypeError for a recurrent network, which
             hgref.fast.cpu does not have
    Cost     none: nothing is run
    Exact    bytes to a fifth, and closer where the tape is large; steps are counts
    Beware   the readable layer keeps whole states instead: its `reverse` needs 8 T d bytes
    Source   Franceschi et al. 2017, section 3: time and space of the two modes
    """
    limit = as_bytes(budget)
    layout = problem.layout if wrt is None else problem.layout.select(wrt)
    if isinstance(problem.dynamics, Recurrent):
        raise TypeError(no_choice(problem, layout.size))
    return Plan(tuple(ways(problem, limit, layout.size, np.dtype(dtype).itemsize)), limit)


def ways(problem: Problem, limit: int, m: int, size: int) -> list[Way]:
    """All ways, in the order of the time they take."""
    T, p, d = problem.T, problem.p, problem.d
    losses = [part for part in problem.dynamics.J.terms() if isinstance(part, DataLoss)]
    fixed = OBJECTS + sum(copied(part, size) + scratch(part, p, size) for part in losses)
    predictions = size * sum(part.features.B * kept_by(part) for part in losses)
    made = [Way("forward(problem, lam)", fixed + 8 * m * (d + 2 * p), T, T * m)]
    for options, kept in (("", predictions), (", recompute=True", 0)):
        once = fixed + 8 * (3 * d + 5 * p) + predictions - kept  # s_T, α and their copies
        tape = Tape(T, 8 * d, size * p + kept, once, replayed(T, d) // d)
        made.append(Way(f"reverse(problem, lam{options})", tape.bytes(1, T), T, T))
        made += checkpointed(tape, limit, options)
    return sorted(made, key=lambda way: way.steps + way.products)


def no_choice(problem: Problem, m: int) -> str:
    """What there is to say about a network that hgref.fast.cpu does not compile."""
    states, columns = 8 * problem.T * problem.d, 8 * m * problem.d
    return (
        f"plan: expected a dynamics that hgref.fast.cpu compiles, found Recurrent; of hgref's own, "
        f"reverse keeps {readable(states)} of states, and Z of forward has {readable(columns)}"
    )


class Tape(NamedTuple):
    """What a way back over T steps is made of: bytes of a state, of a step on the tape, and once.

    most  states that are computed again from the tape at one time
    """

    T: int
    state: int
    step: int
    once: int
    most: int

    def bytes(self, states: int, leaf: int) -> int:
        """With so many states kept, and a leaf of steps gone back over at once, in stretches."""
        states += math.ceil(leaf / self.most) + min(leaf, self.most)
        return self.once + states * self.state + leaf * self.step

    def every(self, k: int) -> int:
        return self.bytes(math.ceil(self.T / k), k)

    def slots(self, s: int) -> int:
        leaf = leaf_of(self.T, s)
        return self.bytes(min(s + 1, math.ceil(self.T / leaf)), leaf)  # and the one in hand


def checkpointed(tape: Tape, limit: int, options: str) -> Iterator[Way]:
    """By the largest distance that fits; where none does, by the most slots that do."""
    T = tape.T
    k = largest(tape.every, T, limit)
    if k == T:
        return  # that is `reverse`
    k = k or min(range(1, T + 1), key=tape.every)
    leaves = math.ceil(T / k)
    call = f"checkpointed(problem, lam, every={k}{options})"
    yield Way(call, tape.every(k), T + k * (leaves - 1), T, leaves)
    if tape.every(k) > limit:
        s = largest(tape.slots, T, limit) or 1
        call = f"checkpointed(problem, lam, slots={s}{options})"
        yield Way(call, tape.slots(s), steps_in_leaves(T, s), T, s)


def largest(size: Callable[[int], int], most: int, limit: int) -> int:
    """The largest k in 1 … most with size(k) <= limit, or 0."""
    return next((k for k in range(most, 0, -1) if size(k) <= limit), 0)


def replayed(T: int, d: int) -> int:
    """Numbers in the states of a stretch, which are computed again from the tape at one time."""
    return d * min(T, max(math.isqrt(T - 1) + 1, ONE_CALL // d))


def kept_by(part: DataLoss) -> int:
    """Numbers that an example leaves for the way back."""
    hidden = part.widths[1:-1] if isinstance(part, MLP) else ()
    return kept_numbers(sum(hidden), part.outputs, isinstance(part.loss, TwoClasses))


def kept_numbers(hidden: int, outputs: int, two_classes: bool) -> int:
    """Of each hidden unit h, x, b_h; of each output its mean, and σ(−z) where that is σ(z)."""
    return 3 * hidden + (2 if two_classes else 1) * outputs


def copied(part: DataLoss, size: int) -> int:
    """Bytes of the data that are stored anew: sparse or small twice over, dense where it must."""
    features: Any = part.features
    if features.sparse:
        return 2 * features.X.nnz * (size + 4)
    centred, converted = features.centre is not None, size < features.X.itemsize
    copies = (centred or converted) + (centred and size < 8) + is_small(part, 1)
    return copies * size * features.X.size


def is_small(part: DataLoss, k: int) -> bool:
    """Whether a pass with k tangents is over before Python has come from one kernel to the next."""
    layered = isinstance(part, MLP) and len(part.widths) > 2
    work = part.features.B * part.features.N * (1 + k) * part.outputs
    return not (part.features.sparse or layered) and work < FEW


def scratch(part: DataLoss, p: int, size: int) -> int:
    """Bytes of sums, of rows and of a network's intermediate results, about, there and back."""
    B, N = part.features.B, part.features.N
    hidden = part.widths[1:-1] if isinstance(part, MLP) else ()
    n1 = (*hidden, part.outputs)[0]
    threads = 1 if B * N * n1 < ALONE else numba_threads()
    sums = 2 * (threads * (p + N * n1) + N * n1)
    return size * (sums + B * (4 * part.outputs + 8 * sum(hidden))) + 24 * part.features.n


def numba_threads() -> int:
    import numba

    return int(numba.get_num_threads())


# --- sizes as text ---


def as_bytes(budget: str | int) -> int:
    """The number of bytes in "2 GB", "500MiB" or 123."""
    if not isinstance(budget, str):
        return as_count("budget", budget, 0)
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([KMGT]I?|)B?\s*", budget.upper())
    if match is None:
        raise ValueError(f"budget: expected a size such as '500 MB' or '2 GiB', found {budget!r}")
    return int(float(match[1]) * UNITS[match[2]])


def readable(number: int) -> str:
    """A number of bytes as people write it."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number = number / 1000  # type: ignore[assignment]
    return f"{number:.3g} TB"
