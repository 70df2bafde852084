"""Which algorithm fits into memory, and how much work it is, before it is run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from hgref.arguments import as_count
from hgref.dynamics import Recurrent
from hgref.hypergradient.tape import MOST, bytes_kept
from hgref.planning.memory import Memory
from hgref.planning.sizes import Sizes
from hgref.planning.text import as_bytes, size
from hgref.planning.timed import Stopwatch
from hgref.planning.way import Plan, Way
from hgref.problem import Problem

OVERHEAD = 5_000  # bytes of a task beside its data


def plan(
    problem: Problem | Sizes,
    budget: str | int = "2 GB",
    *,
    workers: int = 1,
    wrt: Iterable[str] | None = None,
    dtype: Any = np.float64,
    timed: bool = False,
) -> Plan:
    """Memory and work of each algorithm of hgref.fast.cpu, and the one to take.

        reverse       T (d + p + B·kept) numbers     kept: what an example leaves for the way back
          recompute   T d
        checkpointed  (T/k) d + k (d + p + B·kept)   k the largest distance that fits
          slots       s d + L (d + p + B·kept)       if none fits: s the most slots that fit
        forward       2 m d                          one column of Z for each hyperparameter
          workers     2 (m/n) d and the data twice over, on each of n

    L <= s. With `recompute` only the states d are kept, and each step is run once more; of a small
    problem the first of many steps stands for all of them. Work is steps + products with A_t, each
    of two products with the data. That of workers is the sum of theirs, since on one machine they
    share its cores.

    problem  a Problem, or on paper its Sizes (hgref.planning.sizes)
    budget   of a process: bytes, or a text: "500 MB", "2 GB", "1.5 GiB"
    workers  n, processes for columns of Z, of one thread each
    wrt      names of the requested blocks, whose columns `forward` carries; default all
    dtype    of the products with the data: float64 or float32
    timed    True: a few steps of each way that fits are run, with every hyperparameter at 0.001,
             and multiplied up
    returns  Plan: printable; `.ways` in the order of seconds, or of work if they are not timed;
             `.best` is the first that fits
    Raises   ValueError for a budget that is no size, or for a wrt beside Sizes; TypeError for a
             problem that is neither a Problem nor Sizes, for timed Sizes, and for a recurrent
             network, which hgref.fast.cpu does not have
    Cost     milliseconds, O(√T). timed: one to five seconds, or for large problems some fifty
             steps; the first time the compilation too
    Exact    bytes to 15 %; steps and products are counts. Seconds, of 29 ways on a busy machine:
             24 to 11 %, all to 30 % (CPU time of one thread)
    Beware   timed: workers are timed as if each had a core as fast as this one to itself. The
             bytes of the readable `hgref.reverse` are told beside the ways, and not ranked
    Source   Franceschi et al. 2017, section 3: time and space of the two modes

    Example
        >>> import hgref
        >>> from hgref.planning.sizes import Data, Sizes
        >>> paper = Sizes(T=10_000, m=3, state=2, rates=2, J=(Data(60_000, (784, 10), batch=100),))
        >>> print(hgref.plan(paper, budget="10 MB").best.call)
        forward(problem, lam)
    """
    limit, itemsize = as_bytes(budget), np.dtype(dtype).itemsize
    names = requested(problem, wrt)
    sizes = problem if isinstance(problem, Sizes) else Sizes.of(problem, names)
    n = min(as_count("workers", workers, 1), max(sizes.m, 1))
    ways = [forward(sizes, itemsize, sizes.m), *backwards(sizes, limit, itemsize)]
    if n > 1:
        ways.append(on_workers(sizes, itemsize, n))
    if timed:
        if not isinstance(problem, Problem):
            raise TypeError("timed: expected a Problem, whose steps can be run, found Sizes")
        watch = Stopwatch(problem, names, dtype)
        for j, way in enumerate(ways):
            if way.bytes <= limit:
                ways[j] = replace(way, seconds=watch.seconds(way))
    readable = bytes_kept(problem, problem.T) if isinstance(problem, Problem) else None
    return Plan(tuple(sorted(ways, key=Way.order)), limit, readable)


def requested(problem: Problem | Sizes, wrt: Iterable[str] | None) -> list[str]:
    """Names of the requested blocks; none beside Sizes."""
    if isinstance(problem, Sizes):
        if wrt is not None:
            raise ValueError(f"wrt: expected none beside Sizes, which have m, found {list(wrt)}")
        return []
    if not isinstance(problem, Problem):
        raise TypeError(f"problem: expected a Problem or Sizes, found {type(problem).__name__}")
    layout = problem.layout if wrt is None else problem.layout.select(wrt)
    if isinstance(problem.dynamics, Recurrent):
        states, columns = 8 * problem.T * problem.d, 8 * layout.size * problem.d
        raise TypeError(
            f"problem: expected a dynamics that hgref.fast.cpu compiles, found Recurrent; "
            f"hgref.reverse keeps {size(states)} of states, and Z of hgref.forward has "
            f"{size(columns)}"
        )
    return list(layout.shapes)


def forward(sizes: Sizes, itemsize: int, m: int) -> Way:
    """The run with m columns of Z, in one process."""
    memory, T = Memory(sizes, itemsize, m), sizes.T
    items = memory.forward()
    return Way("forward", {}, max(sum(items.values()), memory.lowering()), T, T * m, items)


def on_workers(sizes: Sizes, itemsize: int, n: int) -> Way:
    """Spans of columns on n workers; the problem is sent to each of them."""
    way = forward(sizes, itemsize, math.ceil(sizes.m / n))
    return replace(
        way,
        options={"workers": n},
        bytes=way.bytes + 2 * sizes.sent,
        items={"the data, as they came and as arrays": 2 * sizes.sent, **way.items},
        sent=sizes.sent + 8 * (sizes.all or sizes.m) + OVERHEAD,
    )


def backwards(sizes: Sizes, limit: int, itemsize: int) -> Iterator[Way]:
    """`reverse` and `checkpointed`, with linearised steps kept or computed again."""
    memory = Memory(sizes, itemsize, k=1)
    for recompute in (False, True):
        tape = memory.tape(recompute)
        for made in tape.schedules(limit):
            options = dict(made.options)
            if recompute or made.kept * (tape.state + tape.step) > 8 * MOST:  # else by default
                options["recompute"] = recompute
            algorithm = "checkpointed" if made.options else "reverse"
            needed, items = tape.bytes(made.states, made.kept), tape.items(made)
            yield Way(algorithm, options, needed, made.steps, sizes.T, items, made.checkpoints)
