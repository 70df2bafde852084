"""FORWARD-HG: the sensitivities Z_t are computed along with the training run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, as_count, where_not_finite
from hgref.hypergradient.workers import across
from hgref.layout import Columns, Layout
from hgref.problem import Hypergradient, Problem
from hgref.run import Diverged, Run


def forward(
    problem: Problem,
    lam: Any,
    wrt: Iterable[str] | None = None,
    partials: bool = False,
    *,
    trace: bool = False,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: Callable[[Iterable[Any]], Iterable[Any]] | None = None,
    directions: Any = None,
    seed: int = 0,
) -> Hypergradient:
    """∇f(λ), carrying Z_t = ds_t/dλ along with the training run.

        ∇f(λ) = ∇E(s_T) ds_T/dλ                                                eq. (12)
        Z_0 = ds_0/dλ,   Z_t = A_t Z_{t-1} + B_t,   t = 1 … T                  eq. (14)
        ∇f(λ) = ∇E(s_T) Z_T  (+ ∂E/∂λ where E depends on λ directly)           eq. (15)

    lam       (m,) the point λ, or a mapping of names
    wrt       names of blocks: only their columns of Z are carried, in this order; default all
    partials  True: also ∇f_t(λ) = ∇E(s_t) Z_t (+ ∂E/∂λ) for every t           eq. (16)
    trace     True: also all Z_t: entry t of `.trace` (T+1, d, m), T times the memory; not with an
              executor
    executor  a concurrent.futures.Executor: its workers take spans of columns, see
              `hgref.hypergradient.workers`
    workers   number of spans; default: the executor's number of workers
    progress  wraps the spans as they come back, as tqdm.tqdm does
    directions  None: all columns. A number k: Z along k random directions v of ±1 alone, and
              the unbiased estimate (1/k) Σ_j (∇f·v_j) v_j in place of ∇f, whose error has the
              variance (m−1)/k ‖∇f‖²; or the directions themselves, (m, k)
    seed      of random directions
    returns   Hypergradient: f scalar, grad (m,), s_T (d,), partials (T, m) or None, trace or None
    Raises    ValueError for a bad λ or name, Diverged if s_t or Z_t is not finite
    Cost      T steps with m tangents each; memory O(d m), independent of T. With n workers,
              each runs all T steps with m/n tangents, and needs O(d m/n) and its own copy of the
              data, which is sent once
    Exact     to rounding: agrees with `reverse` and the complex step to 1e-12
    Beware    A_t and B_t are taken at s_{t-1}, before the step
    Source    Franceschi et al. 2017, section 3.2; Baydin et al. 2022, "Gradients without
              backpropagation", for the estimate

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.Momentum(J), J, T=2)
        >>> lam = problem.pack(eta=0.1, mu=0.9)
        >>> hgref.forward(problem, lam, wrt=["mu"], partials=True).partials.round(3).tolist()
        [[0.0], [-0.36]]
    """
    run = problem.at(lam)
    if directions is not None:
        if wrt is not None or partials or trace or executor is not None:
            raise ValueError("directions: expected no wrt, partials, trace or executor beside them")
        return estimated(run, read_directions(directions, run.layout.size, seed))
    columns = (run.layout if wrt is None else run.layout.select(wrt)).columns()
    if executor is None:
        return carried(run, columns, partials, trace)
    if trace:
        raise ValueError("trace: expected no executor, whose workers send ∇f only")
    return across(executor, carry, problem, run.point, columns, partials, workers, progress)


def carry(problem: Problem, lam: Any, columns: Columns, partials: bool) -> Hypergradient:
    """`forward` for some of the columns, as a worker computes it."""
    return carried(problem.at(lam), columns, partials)


def carried(run: Run, columns: Columns, partials: bool, trace: bool = False) -> Hypergradient:
    """The whole run with some columns of Z; the result has their grad (k,) and partials (T, k)."""
    path = np.zeros((run.T, columns.size)) if partials else None
    Zs = [run.start_jvp(columns.identity(), columns.size)] if trace else None
    for t, s, Z in sensitivities(run, columns):
        if path is not None:
            path[t - 1] = partial(run, t, s, Z, columns)
        if Zs is not None:
            Zs.append(Z)
    f, grad = run.error(run.T, s), partial(run, run.T, s, Z, columns)
    return Hypergradient(f, grad, s, columns.layout, path, None if Zs is None else np.array(Zs))


def read_directions(directions: Any, m: int, seed: int) -> Array:
    """(m, k) columns: those given, or random ones of ±1."""
    if np.ndim(directions) == 0:
        k = as_count("directions", directions, 1)
        return np.random.default_rng(seed).choice([-1.0, 1.0], (m, k))
    return as_array("directions", directions, (m, "k"))


def estimated(run: Run, V: Array) -> Hypergradient:
    """(1/k) Σ_j (∇f·v_j) v_j, carrying Z V alone."""
    split = {n: V[part] for n, part in run.layout.slices.items()}
    dlam = {n: v.reshape(*run.layout.shapes[n], V.shape[1]) for n, v in split.items()}
    s, Z = run.start(), run.start_jvp(dlam, V.shape[1])
    for t in range(1, run.T + 1):
        step = run.at(t, s)
        Z, s = run.jvp(t, step, Z, dlam), step.value
    row, direct = run.error_grad(run.T, s)
    slopes = row @ Z + run.layout.gathered(direct) @ V
    return Hypergradient(run.error(run.T, s), V @ slopes / V.shape[1], s, run.layout)


def sensitivities(run: Run, columns: Layout | Columns) -> Iterator[tuple[int, Array, Array]]:
    """(t, s_t, Z_t) for t = 1 … T by (14), for some columns of Z."""
    dlam = columns.identity()
    s, Z = run.start(), run.start_jvp(dlam, columns.size)
    for t in range(1, run.T + 1):
        step = run.at(t, s)
        Z = run.jvp(t, step, Z, dlam)
        s = step.value
        yield t, s, Z


def partial(run: Run, t: int, s: Array, Z: Array, columns: Layout | Columns) -> Array:
    """∇f_t(λ) = ∇E(s_t) Z_t + ∂E/∂λ, (k,).                                     eq. (16)"""
    row, direct = run.error_grad(t, s)
    with np.errstate(all="ignore"):
        grad = row @ Z + columns.gathered(direct)
    bad = where_not_finite(grad)
    if bad is not None:
        raise Diverged("∇f", run.number(t), *columns.place(bad[0]))
    return grad
