"""RTHO on the GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from hgref.arguments import Array, as_count
from hgref.descent import Descent
from hgref.fast.cuda.carried import Carried
from hgref.hypergradient.realtime import LamPath, RealTime
from hgref.problem import Problem


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
    """`hgref.realtime` on the GPU: λ is updated after every Δ steps.

        Z_t = A_t Z_{t-1} + B_t,   ∇f_t(λ) = ∇E(s_t) Z_t                       eq. (14), (16)

    every     Δ, the size of the hyper-batch, 1 … T
    progress  wraps the hyper-batches, as tqdm.tqdm does
    dtype     of the products with the data: float64 or float32; the rest is float64 either way
    others, returns, Raises   see hgref.realtime
    Cost      that of one `forward`, and ⌊T/Δ⌋ gradients of E and copies of Z to the processor
    Exact     float64: equal to hgref.realtime to 1e-10 for each update
    Beware    see hgref.realtime; the first call of a process compiles for some seconds
    Source    Franceschi et al. 2017, section 3.3
    """
    every = as_count("every", every, 1, problem.T)
    path = LamPath(problem, lam, outer, project, wrt)
    run, T = Carried(path.run, path.columns, dtype), problem.T
    updates: Iterable[int] = range(every, T + 1, every)
    for t in updates if progress is None else progress(updates):
        run.advance(t)
        path.update(run.error(), run.partial())
        run.move(path.run)
    run.advance(T)
    return path.record(every, run.state)
