"""RTHO, fast."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from hgref.arguments import Array, as_count
from hgref.descent import Descent
from hgref.fast.cpu import blas
from hgref.fast.cpu.stretches import Fast, Stretches
from hgref.hypergradient.realtime import LamPath, RealTime
from hgref.problem import Problem
from hgref.run import Run


@blas.alone
def realtime(
    problem: Problem,
    lam: Any,
    every: int,
    outer: Descent | None = None,
    project: Callable[[Array], Array] | None = None,
    wrt: Iterable[str] | None = None,
    progress: Callable[[Iterable[int]], Iterable[int]] | None = None,
    *,
    dtype: Any = np.float64,
) -> RealTime:
    """`hgref.realtime`, fast: λ is updated after every Δ steps, by the partial hypergradient.

        Z_t = A_t Z_{t-1} + B_t,   ∇f_t(λ) = ∇E(s_t) Z_t                       eq. (14), (16)

    every     Δ, the size of the hyper-batch, 1 … T
    progress  wraps the hyper-batches, as tqdm.tqdm does
    dtype     of the products with the data: float64 or float32; the rest is float64 either way
    others, returns, Raises   see hgref.realtime
    Cost      that of one `forward`, and ⌊T/Δ⌋ gradients of E in NumPy
    Exact     float64: each update of λ agrees with hgref.realtime to 1e-11
    Beware    see hgref.realtime; the first call compiles for some seconds
    Source    Franceschi et al. 2017, section 3.3

    Example
        >>> from hgref.fast import cpu
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> run = cpu.realtime(problem, [0.1], every=5)
        >>> run["eta"].shape, run.f.shape
        ((3,), (2,))
    """
    every = as_count("every", every, 1, problem.T)
    path = FastPath(problem, lam, outer, project, wrt)
    run = path.start(Fast(problem, dtype, path.columns.size), every)
    return path.followed(every, by_batches(run.ends, every, progress))


class FastPath(LamPath):
    """The path of λ along a fast run."""

    fast: Fast | None = None

    def start(self, fast: Fast, every: int) -> Stretches:
        T = self.problem.T
        self.fast, self.marks = fast, [*range(every, T, every), T]
        self.run = run = fast.run(self.run, *self.marks)
        return run

    def at(self, lam: Array) -> Run:
        run = super().at(lam)
        return self.fast.run(run, *self.marks) if self.fast else run


def by_batches(ends: list[int], every: int, progress: Any) -> Iterator[int]:
    """The numbers of the stretches, with progress over the hyper-batches."""
    batches, j = range(every, ends[-1] + 1, every), 0
    for t in batches if progress is None else progress(batches):
        while j < len(ends) and ends[j] <= t:
            j += 1
            yield j
    yield from range(j + 1, len(ends) + 1)
