"""Stores the training run for the way back: linearised steps, or states to linearise again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from hgref.arguments import Array
from hgref.at import At
from hgref.run import Posed, Run

MOST = 2**27  # numbers that the linearised steps of a run may store: 1 GiB

Back = Iterator[tuple[int, At]]


def numbers(problem: Posed) -> int:
    """How many numbers a linearised step stores: s_t, g, and what J's products need."""
    return problem.d + problem.p + problem.dynamics.J.kept


def fits(problem: Posed, K: int) -> bool:
    """Whether K linearised steps are stored."""
    return K * numbers(problem) <= MOST


def bytes_kept(problem: Posed, K: int) -> int:
    """Bytes of the tape of K steps in float64, by the rule of `taped`."""
    return 8 * K * (numbers(problem) if fits(problem, K) else problem.d)


def taped(
    run: Run, s: Array, first: int, last: int, K: int, whole: bool | None = None
) -> tuple[Array, Back]:
    """(s_last, its way back): runs steps first … last from s = s_{first-1} and stores the last K.

    The way back is (t, step t linearised at s_{t-1}) for t = last, last - 1 …, K of them.
    whole    True: linearised steps are stored, and nothing is computed twice; False: only the
             states s_{t-1}, and each step is linearised again; None: see `fits`
    """
    whole = fits(run.problem, K) if whole is None else whole
    tape: deque[Any] = deque(maxlen=K)
    for t in range(first, last + 1):
        if whole and t > last - K:
            step = run.at(t, s)
            tape.append(step)
            s = step.value
        else:
            tape.append(s)
            s = run.step(t, s)

    def back() -> Back:
        for t in range(last, last - K, -1):
            yield t, tape.pop() if whole else run.at(t, tape.pop())

    return s, back()
