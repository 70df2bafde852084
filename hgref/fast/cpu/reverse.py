"""REVERSE-HG, fast."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.fast.cpu import blas
from hgref.fast.cpu.stretches import Fast
from hgref.hypergradient.reverse import multipliers
from hgref.hypergradient.tape import taped
from hgref.problem import Hypergradient, Problem


@blas.alone
def reverse(
    problem: Problem, lam: Any, *, dtype: Any = np.float64, recompute: bool | None = None
) -> Hypergradient:
    """`hgref.reverse`, fast.

        α_T = ∇E(s_T),   α_t = α_{t+1} A_{t+1},   ∇f(λ) = Σ_t α_t B_t          eq. (8), (9), (10)

    lam        (m,) the point λ, or a mapping of names
    dtype      of the products with the data: float64 or float32; the rest is float64 either way
    recompute  True: only states are kept, and each step is linearised again on the way back,
               which takes up to 50 % more time; False: linearised steps are kept; default: kept if
               they take at most 1 GiB
    returns    Hypergradient: f scalar, grad (m,), s_T (d,), all float64
    Raises     as hgref.reverse; TypeError for a dynamics without a law, and for complex data
    Cost       T steps and T products; memory as hgref.reverse, which `hgref.plan` tells
    Exact      float64: to rounding, equal to hgref.reverse to 1e-11; float32: about 1e-6
    Beware     the first call compiles for some seconds; later processes load the result from disk.
               numba.set_num_threads sets the number of threads; the bits do not depend on it
    Source     Franceschi et al. 2017, section 3.1, Algorithm 1

    Example
        >>> from hgref.fast import cpu
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> cpu.reverse(problem, [0.1]).grad.round(3)
        array([-1.351])
    """
    fast = Fast(problem, dtype)
    run = fast.run(problem.at(lam), problem.T)
    whole = fast.whole(problem.T, recompute)
    return multipliers(run, *taped(run, run.start(), 1, run.T, run.T, whole))


@blas.alone
def last_state(problem: Problem, lam: Any, *, dtype: Any = np.float64) -> Array:
    """s_T (d,): the last of `problem.states`, fast; no other state is kept.

    lam, dtype, Raises   see hgref.fast.cpu.reverse
    Cost     T steps; memory O(d)
    Exact    equal to the last of problem.states to 1e-11
    Source   Franceschi et al. 2017, section 2

    Example
        >>> from hgref.fast import cpu
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> cpu.last_state(problem, [0.1]).round(3)
        array([0.651, 0.   ])
    """
    return Fast(problem, dtype).run(problem.at(lam), problem.T).last_state()
