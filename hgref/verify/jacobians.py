"""A_t and B_t as matrices, for readers and tests; the algorithms never form them."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, as_count
from hgref.at import At
from hgref.problem import Problem
from hgref.run import Run

__all__ = ["A", "B"]


def A(problem: Problem, t: int, s: Any, lam: Any) -> Array:
    """A_t = ∂Φ_t(s_{t-1}, λ)/∂s_{t-1}, written out.                            eq. (11)

    t        step number, 1 … T
    s        (d,) the state s_{t-1} that the step starts from
    lam      (m,) the point λ, or a mapping of names
    returns  (d, d)
    Raises   ValueError for a bad t, s or λ
    Cost     one jvp with d columns, O(d²) memory: small problems only
    Exact    to rounding
    Beware   s is the state before the step
    Source   Franceschi et al. 2017, eq. (11)

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> hgref.jacobians.A(problem, 1, [0.0, 0.0], [0.5])
        array([[0.5, 0. ], [0. , 0.5]])
    """
    step, _ = step_at(problem, t, s, lam)
    return step.jvp(np.eye(problem.d), {})


def B(problem: Problem, t: int, s: Any, lam: Any) -> Array:
    """B_t = ∂Φ_t(s_{t-1}, λ)/∂λ, written out.                                  eq. (11)

    t        step number, 1 … T
    s        (d,) the state s_{t-1} that the step starts from
    lam      (m,) the point λ, or a mapping of names
    returns  (d, m), columns in the order of the flat λ
    Raises   ValueError for a bad t, s or λ
    Cost     one jvp with m columns, O(d m) memory: small problems only
    Exact    to rounding
    Beware   columns of w0 are zero: w0 enters through s_0, not through a step
    Source   Franceschi et al. 2017, eq. (11)

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, 0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> hgref.jacobians.B(problem, 1, [2.0, 3.0], [0.5])
        array([[-1.], [-3.]])
    """
    step, run = step_at(problem, t, s, lam)
    return step.jvp(np.zeros((problem.d, run.layout.size)), run.push(run.layout.identity()))


def step_at(problem: Problem, t: int, s: Any, lam: Any) -> tuple[At, Run]:
    """(step t linearised at s and λ, the run at λ)."""
    run = problem.at(lam)
    t, s = as_count("t", t, 1, problem.T), as_array("s", s, (problem.d,))
    return run.dynamics.at(run.before + t, s, run.lam), run
