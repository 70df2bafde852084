"""FORWARD-HG on the GPU."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from hgref.fast.cuda.carried import Carried
from hgref.problem import Hypergradient, Problem


def forward(
    problem: Problem,
    lam: Any,
    wrt: Iterable[str] | None = None,
    partials: bool = False,
    *,
    dtype: Any = np.float64,
) -> Hypergradient:
    """`hgref.forward` on the GPU: all columns of Z share one pass over the data.

        Z_t = A_t Z_{t-1} + B_t,   ∇f(λ) = ∇E(s_T) Z_T  (+ ∂E/∂λ)              eq. (14), (15)

    lam       (m,) the point λ, or a mapping of names
    wrt       names of the blocks whose columns of Z are carried, in this order; default all
    partials  True: also ∇f_t(λ) for every t (16); Z then leaves the device T times
    dtype     of the products with the data: float64 or float32; the rest is float64 either way
    returns   Hypergradient: f scalar, grad (m,), s_T (d,), partials (T, m) or None
    Raises    as hgref.forward; TypeError for a problem that has no kernel; MemoryError, with the
              bytes, if Z does not fit
    Cost      T steps with m tangents each; memory of the device O(d m), independent of T
    Exact     float64: equal to hgref.forward to 1e-10; float32: about 1e-5
    Beware    the first call of a process compiles for some seconds
    Source    Franceschi et al. 2017, section 3.2
    """
    at = problem.at(lam)
    columns = at.layout if wrt is None else at.layout.select(wrt)
    run = Carried(at, columns, dtype)
    path = np.zeros((problem.T, columns.size)) if partials else None
    if path is not None:
        for t in range(1, problem.T + 1):
            run.advance(t)
            path[t - 1] = run.partial()
    run.advance(problem.T)
    return Hypergradient(run.error(), run.partial(), run.state, columns, path)
