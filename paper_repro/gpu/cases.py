"""The problems that are checked and timed on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import hgref
from hgref.objectives import L2, Softmax
from paper_repro.benchmark.problems import Case, cleaning, network, small, small_forward, two_sets
from paper_repro.benchmark.setting import Setting


class TimedCase(NamedTuple):
    """A hypergradient to time, with its precision."""

    name: str
    case: Case
    dtype: str

    @property
    def title(self) -> str:
        return f"{self.name}, {self.dtype}"


def checked(setting: Setting) -> Iterator[tuple[str, Case]]:
    """Problems to check, short enough that rounding is not amplified; see also tests/fast/cuda."""
    train, valid = two_sets(setting)
    yield "hyper-cleaning", cleaning(setting, train, valid, setting.T)
    yield "rates and penalties", rates_and_penalties(setting, 12)
    yield "small, Adam, reverse", small(setting)
    yield "small, Adam, forward", small_forward(setting)
    yield "network, mini-batches", network(setting)


def rates_and_penalties(setting: Setting, m: int) -> Case:
    """P2: softmax regression by momentum with m hyperparameters: η, μ and m - 2 penalties."""
    train, valid = two_sets(setting)
    J, E = (Softmax(*data, setting.classes) for data in (train, valid))
    penalty = L2(groups=np.arange(J.p) % (m - 2))
    problem = hgref.Problem(hgref.Momentum(J + penalty), E, setting.forward_T)
    l2 = np.geomspace(1e-3, 1e-2, m - 2)
    return Case(problem, problem.pack(eta=0.2, mu=0.8, l2=l2), ("eta", "mu", "l2"))


def timed(setting: Setting, lengths: tuple[int, ...]) -> Iterator[TimedCase]:
    """Problems to time: P1 with each of these T and P2 with several m; the longest at the end."""
    train, valid = two_sets(setting)
    first, *longer = [cleaning(setting, train, valid, T) for T in lengths]
    cases = [(f"P1 reverse, T = {first.problem.T}", first)]
    cases += [(f"P2 forward, m = {m}", rates_and_penalties(setting, m)) for m in (12, 3, 32)]
    cases += [(f"P1 reverse, T = {case.problem.T}", case) for case in longer]
    for name, case in cases:
        for dtype in ("float32", "float64"):
            yield TimedCase(name, case, dtype)
