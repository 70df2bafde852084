"""FORWARD-HG: the sensitivities Z_t travel with the training run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.layout import Blocks, Layout
from hgref.problem import Diverged, Hypergradient, Problem


def forward(
    problem: Problem, lam: Any, wrt: Iterable[str] | None = None, partials: bool = False
) -> Hypergradient:
    """∇f(λ), carrying Z_t = ds_t/dλ along with the training run.

        ∇f(λ) = ∇E(s_T) ds_T/dλ                                                eq. (12)
        Z_0 = ds_0/dλ,   Z_t = A_t Z_{t-1} + B_t,   t = 1 … T                  eq. (14)
        ∇f(λ) = ∇E(s_T) Z_T  (+ ∂E/∂λ where E depends on λ directly)           eq. (15)

    lam       (m,) the point λ, or a mapping of names
    wrt       names of blocks: only their columns of Z are carried, in this order; default all
    partials  True: also ∇f_t(λ) = ∇E(s_t) Z_t for every t                     eq. (16)
    returns   Hypergradient: f scalar, grad (m,), s_T (d,), partials (T, m) or None
    Raises    ValueError for a bad λ or name, Diverged where s_t or Z_t leaves the finite numbers
    Cost      T steps with m tangents each; memory O(d m), independent of T
    Exact     to rounding: agrees with `reverse` and the complex step to 1e-12
    Beware    A_t and B_t are taken at s_{t-1}: jvp comes before step
    Source    Franceschi et al. 2017, section 3.2
    """
    lam, layout = problem.point(lam)
    columns = layout if wrt is None else layout.select(wrt)
    path = np.zeros((problem.T, columns.size)) if partials else None
    for t, s, Z in sensitivities(problem, lam, columns):
        if path is not None:
            path[t - 1] = partial(problem, t, s, Z, lam, columns)
    f = problem.error(problem.T, s, lam)
    return Hypergradient(f, partial(problem, problem.T, s, Z, lam, columns), s, columns, path)


def sensitivities(
    problem: Problem, lam: Blocks, columns: Layout
) -> Iterator[tuple[int, Array, Array]]:
    """(t, s_t, Z_t) for t = 1 … T by (14), for some columns of Z."""
    dlam = columns.identity()
    s, Z = problem.start(lam), problem.start_jvp(dlam, columns.size)
    for t in range(1, problem.T + 1):
        s, Z = tangent_step(problem, t, s, Z, lam, dlam)
        yield t, s, Z


def tangent_step(
    problem: Problem, t: int, s: Array, Z: Array, lam: Blocks, dlam: Blocks
) -> tuple[Array, Array]:
    """(s_t, Z_t) from (s_{t-1}, Z_{t-1})."""
    with np.errstate(all="ignore"):
        Z = problem.dynamics.jvp(t, s, lam, Z, dlam)
    s = problem.step(t, s, lam)
    if Z.dtype != object and not np.isfinite(Z).all():
        block, coordinate = divmod(int(np.argwhere(~np.isfinite(Z))[0, 0]), problem.p)
        name = problem.dynamics.state[block]
        raise Diverged("Z_t", t, name, coordinate)
    return s, Z


def partial(problem: Problem, t: int, s: Array, Z: Array, lam: Blocks, columns: Layout) -> Array:
    """∇f_t(λ) = ∇E(s_t) Z_t + ∂E/∂λ, (k,).                                     eq. (16)"""
    row, direct = problem.error_grad(t, s, lam)
    with np.errstate(all="ignore"):
        grad = row @ Z
    blocks = columns.split(grad)
    for name in blocks.keys() & direct.keys():
        blocks[name] += direct[name]
    problem.require_finite("∇f", t, blocks)
    return grad
