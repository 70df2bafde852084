"""Second derivatives of f: Hessians, and their products with a direction."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array
from hgref.dynamics.step_map import StepMap
from hgref.hypergradient.reverse import reverse
from hgref.problem import Problem
from hgref.run import Run

ComplexWarning = getattr(np, "exceptions", np).ComplexWarning
STEP = 1e-30  # of the complex step; its square is lost beside 1
SYMMETRIC = 1e-7  # how far a Hessian may be from its transpose, relative to its largest entry


def hessian(problem: Problem, lam: Any, wrt: Iterable[str] | None = None) -> Array:
    """∇²f(λ), the second derivatives of f(λ) = E(s_T(λ)).

        ∇²f(λ) e_j = Im ∇f(λ + i h e_j) / h,    ∇f by `reverse` on complex numbers

    lam      (m,) the point λ, or a mapping of names
    wrt      names of blocks: rows and columns of these alone, in this order; default all
    returns  (m, m), as the mean of the matrix and its transpose
    Raises   as `hessian_product`; ArithmeticError if the matrix is not symmetric, as an objective
             or a dynamics of your own with a wrong product makes it, and a kink
    Cost     m reverses on complex numbers, each two to four times one on real numbers; memory that
             of one
    Exact    to rounding: the complex step has no truncation error, and all of hgref's own steps,
             losses and adjoints are analytic between their kinks
    Beware   at a kink (relu, a proximal step, a clipped gradient) the second derivative is that of
             the side on which the run is
    Source   Squire and Trapp 1998, SIAM Review 40, for the complex step

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(1), [0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, 1, [1.0])
        >>> hgref.hessian(problem, [0.5]).tolist()  # f = (1 − η)² / 2
        [[1.0]]
    """
    run = problem.at(lam)
    m, layout = run.layout.size, run.layout
    names = layout.shapes if wrt is None else layout.select(wrt).shapes
    numbers = layout.numbers()
    chosen = np.concatenate([numbers[name].reshape(-1) for name in names])
    H = np.array([along(problem, run, e)[chosen] for e in np.eye(m)[chosen]])
    apart, size = np.abs(H - H.T).max(initial=0.0), np.abs(H).max(initial=0.0)
    if apart > SYMMETRIC * size:
        raise ArithmeticError(
            f"hessian: expected a symmetric matrix, found entries apart by {apart:.1g} beside "
            f"{size:.1g}: f has no second derivative here (√u at u = 0, a relu at 0), or an "
            f"objective or a dynamics of your own has a wrong product: see check_objective, "
            f"check_dynamics"
        )
    return (H + H.T) / 2


def hessian_product(problem: Problem, lam: Any, v: Any) -> Array:
    """∇²f(λ) v, without the matrix.

        ∇²f(λ) v = Im ∇f(λ + i h v) / h,    ∇f by `reverse` on complex numbers

    lam      (m,) the point λ, or a mapping of names
    v        (m,) a direction, or a mapping of names
    returns  (m,)
    Raises   TypeError for objectives and steps that take no complex numbers: those of torch and
             JAX, and a StepMap whose products are differences or complex steps themselves
    Cost     one reverse on complex numbers, two to four times one on real numbers
    Exact    to rounding
    Beware   as `hessian`
    Source   Pearlmutter 1994, Neural Computation 6; here by the complex step

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(1), [0.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, 1, [1.0])
        >>> hgref.hessian_product(problem, [0.5], [2.0]).tolist()
        [2.0]
    """
    run = problem.at(lam)
    return along(problem, run, direction(run, v))


def direction(run: Run, v: Any) -> Array:
    """A direction (m,) of a vector, or of a mapping."""
    if hasattr(v, "keys"):
        v = run.layout.flatten(v)
    return as_array("v", v, (run.layout.size,))


def along(problem: Problem, run: Run, v: Array) -> Array:
    """∇²f v."""
    dynamics = problem.dynamics
    if isinstance(dynamics, StepMap) and dynamics.own_vjp is None:
        raise TypeError(
            "hessian: expected a StepMap with a vjp of your own, found one whose products are "
            "complex steps or differences"
        )
    size = float(np.abs(v).max(initial=0.0)) or 1.0  # the step is small beside 1 for any length
    moved = run.layout.split(run.point + 1j * STEP / size * v)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ComplexWarning)  # imaginary parts that are discarded
            grad = reverse(problem, moved).grad
    except (TypeError, ComplexWarning) as error:
        raise TypeError(
            f"hessian: expected functions that take complex numbers: {error}"
        ) from error
    return grad.imag / STEP * size
