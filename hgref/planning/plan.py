"""Which algorithm fits into memory and how long it takes, before it is run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import as_count
from hgref.dynamics import Recurrent
from hgref.hypergradient.treeverse import steps_in_leaves
from hgref.planning.memory import Memory, Tape, largest
from hgref.planning.passes import Threads
from hgref.planning.rates import Rates, measured
from hgref.planning.seconds import Seconds
from hgref.planning.sizes import Sizes
from hgref.planning.text import as_bytes, size
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
    rates: Rates | None = None,
) -> Plan:
    """What each algorithm of hgref.fast.cpu would need, and the quickest that fits.

        reverse       T (p + B·kept) numbers      kept: what an example leaves for the way back
          recompute   T p
        checkpointed  (T/k) d + k (p + B·kept)    k the largest distance that fits
          slots       s d + L (p + B·kept)        where none fits: s the most slots that do
        forward       2 m d                       one column of Z for each hyperparameter
          workers     2 (m/n) d and the data twice over, on each of n

    and √T states, at least 2 MB of them, on the way back; L <= s or k if there are fewer. Seconds
    are those of products with the data, at the machine's rates, and of loops over the weights.

    problem  a Problem, or on paper its Sizes (hgref.planning.sizes)
    budget   of a process: bytes, or a text: "500 MB", "2 GB", "1.5 GiB"
    workers  n, processes for columns of Z, of one thread each
    wrt      names of the blocks that are wanted, which is what `forward` costs by; default all
    dtype    of the products with the data: float64 or float32
    rates    hgref.planning.rates.Rates of another machine; default: this one's, measured
    returns  Plan: printable; `.best` is the Way to take, `.ways` are all of them
    Raises   ValueError for a budget that is no size, or for a wrt beside Sizes; TypeError for what
             is neither a Problem nor Sizes, and for a recurrent network, which hgref.fast.cpu does
             not have
    Cost     half a second for the machine's rates, the first time; nothing of the problem is run
    Exact    bytes to 15 %, seconds to a half, on a machine that does nothing else (measured by
             `python -m paper_repro scaling`); steps are counts
    Beware   the readable layer keeps whole states instead: its `reverse` needs 8 T d bytes
    Source   Franceschi et al. 2017, section 3: time and space of the two modes
    """
    limit, itemsize = as_bytes(budget), np.dtype(dtype).itemsize
    sizes = sizes_of(problem, wrt)
    if rates is None:
        rates = measured(itemsize).on(numba_threads())
    n = min(as_count("workers", workers, 1), max(sizes.m, 1))
    made = [forward(sizes, itemsize, rates), *backwards(sizes, limit, itemsize, rates)]
    if n > 1:
        made.append(on_workers(sizes, itemsize, rates.on(1), n))
    return Plan(tuple(sorted(made, key=lambda way: way.seconds)), limit)


def sizes_of(problem: Problem | Sizes, wrt: Iterable[str] | None) -> Sizes:
    """The problem in numbers."""
    if isinstance(problem, Sizes):
        if wrt is not None:
            raise ValueError(f"wrt: expected none beside Sizes, which have m, found {list(wrt)}")
        return problem
    if not isinstance(problem, Problem):
        raise TypeError(f"problem: expected a Problem or Sizes, found {type(problem).__name__}")
    if isinstance(problem.dynamics, Recurrent):
        raise TypeError(no_choice(problem, Sizes.of(problem, wrt).m))
    return Sizes.of(problem, wrt)


def forward(sizes: Sizes, itemsize: int, rates: Rates) -> Way:
    """All columns of Z in this process."""
    memory, seconds = Memory(sizes, itemsize, threads_of(rates)), Seconds(sizes, itemsize, rates)
    T, m, items = sizes.T, sizes.m, memory.forward(sizes.m)
    needed = max(sum(items.values()), memory.lowering(m))
    time = seconds.once(m) + T * seconds.tangents(m)
    return Way("forward(problem, lam)", needed, time, T, T * m, items)


def on_workers(sizes: Sizes, itemsize: int, rates: Rates, n: int) -> Way:
    """Spans of columns on n workers, to each of which the problem is sent."""
    k, sent = math.ceil(sizes.m / n), sizes.sent + 8 * (sizes.all or sizes.m) + OVERHEAD
    way = forward(sizes.among(k), itemsize, rates)
    items = {"the data, as they came and as arrays": 2 * sizes.sent, **way.items}
    time = way.seconds + rates.task + n * sent * rates.sent
    call = f"forward(problem, lam, executor=executor, workers={n})"
    return Way(call, way.bytes + 2 * sizes.sent, time, way.steps, way.products, items,
               workers=n, sent=sent)  # fmt: skip


def backwards(sizes: Sizes, limit: int, itemsize: int, rates: Rates) -> Iterator[Way]:
    """`reverse` and `checkpointed`, with each example's predictions kept or computed again."""
    memory, seconds = Memory(sizes, itemsize, threads_of(rates)), Seconds(sizes, itemsize, rates)
    T = sizes.T
    for recompute, option in ((False, ""), (True, ", recompute=True")):
        tape = memory.tape(recompute)
        for call, states, steps, checkpoints in schedules(tape, limit):
            time = seconds.once(1) + steps * seconds.step() + T * seconds.adjoint(recompute)
            call = call.replace(")", f"{option})")
            items = tape.items(*states)
            yield Way(call, tape.bytes(*states), time, steps, T, items, checkpoints)


class Schedule(NamedTuple):
    """How a run is gone back over: the call, (checkpoints, leaf) at one time, steps Φ, and s or
    the number of leaves."""

    call: str
    states: tuple[int, int]
    steps: int
    checkpoints: int


def schedules(tape: Tape, limit: int) -> Iterator[Schedule]:
    """All on the tape; by the largest distance that fits; where none does, by the most slots."""
    T = tape.T
    yield Schedule("reverse(problem, lam)", (1, T), T, 1)
    k = largest(lambda k: tape.bytes(*tape.every(k)), T, limit)
    if k == T:
        return  # that is `reverse`
    k = k or min(range(1, T + 1), key=lambda k: tape.bytes(*tape.every(k)))
    leaves = math.ceil(T / k)
    call = f"checkpointed(problem, lam, every={k})"
    yield Schedule(call, tape.every(k), T + k * (leaves - 1), leaves)
    if tape.bytes(*tape.every(k)) > limit:
        s = largest(lambda s: tape.bytes(*tape.slots(s)), T, limit) or 1
        call = f"checkpointed(problem, lam, slots={s})"
        yield Schedule(call, tape.slots(s), steps_in_leaves(T, s), s)


def no_choice(problem: Problem, m: int) -> str:
    """What there is to say about a network that hgref.fast.cpu does not compile."""
    states, columns = 8 * problem.T * problem.d, 8 * m * problem.d
    return (
        f"plan: expected a dynamics that hgref.fast.cpu compiles, found Recurrent; of hgref's own, "
        f"reverse keeps {size(states)} of states, and Z of forward has {size(columns)}"
    )


def threads_of(rates: Rates) -> Threads:
    return Threads(rates.threads, find_spec("threadpoolctl") is not None)


def numba_threads() -> int:
    import numba

    return int(numba.get_num_threads())
