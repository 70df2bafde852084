"""FORWARD-HG, fast."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Any

import numpy as np

from hgref.fast.cpu import blas
from hgref.fast.cpu.stretches import Fast
from hgref.hypergradient.forward import carried
from hgref.hypergradient.workers import across
from hgref.layout import Columns
from hgref.problem import Hypergradient, Problem


def forward(
    problem: Problem,
    lam: Any,
    wrt: Iterable[str] | None = None,
    partials: bool = False,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: Callable[[Iterable[Any]], Iterable[Any]] | None = None,
    dtype: Any = np.float64,
) -> Hypergradient:
    """`hgref.forward`, fast: all columns of Z share one pass over the data.

        Z_t = A_t Z_{t-1} + B_t,   ∇f(λ) = ∇E(s_T) Z_T  (+ ∂E/∂λ)              eq. (14), (15)

    lam       (m,) the point λ, or a mapping of names
    wrt       names of the blocks whose columns of Z are carried, in this order; default all
    partials  True: also ∇f_t(λ) for every t (16); E and its gradient are then evaluated T times,
              by the readable layer
    executor, workers, progress   as hgref.forward; a worker has one thread
    dtype     of the products with the data: float64 or float32; the rest is float64 either way
    returns   Hypergradient: f scalar, grad (m,), s_T (d,), partials (T, m) or None
    Raises    as hgref.forward; TypeError for a dynamics without a law, and for complex data
    Cost      T steps with m tangents each; memory O(d m), independent of T
    Exact     float64: to rounding, equal to hgref.forward to 1e-11; float32: about 1e-6
    Beware    the first call compiles for some seconds; later processes load the result from disk
    Source    Franceschi et al. 2017, section 3.2

    Example
        >>> from hgref.fast import cpu
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> cpu.forward(problem, [0.1]).grad.round(3)
        array([-1.351])
    """
    run = problem.at(lam)
    columns = (run.layout if wrt is None else run.layout.select(wrt)).columns()
    if executor is None:
        return carry(problem, lam, columns, partials, dtype)
    about = problem, run.point, columns, partials
    return across(executor, carry, *about, workers, progress, dtype=dtype)


@blas.alone
def carry(
    problem: Problem, lam: Any, columns: Columns, partials: bool, dtype: Any
) -> Hypergradient:
    """`forward` for some of the columns, as a worker computes it."""
    fast, T = Fast(problem, dtype, columns.size), problem.T
    marks = range(1, T + 1) if partials else [T]
    return carried(fast.run(problem.at(lam), *marks), columns, partials)
