"""The outer loop: λ goes down the hypergradient and back into Λ."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hgref.arguments import Array, as_count, require_callable
from hgref.descent import Adam, Descent, Path, anywhere, projected, require_descent
from hgref.hypergradient.reverse import reverse
from hgref.layout import Layout, alike
from hgref.problem import Diverged, Hypergradient, Problem
from hgref.outer.saved_run import Done, SavedRun, fingerprint


SECONDS_BETWEEN_SAVES = 5.0

Project = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Minimization(Path):
    """The path of an outer optimisation over k = 0 … K hyper-iterations.

    lam      (K+1, m) λ_0 … λ_K
    f        (K+1,) f(λ_0) … f(λ_K)
    records  what the callback returned: name → (K, …)
    layout   where the blocks stand in λ
    """

    lam: Array
    f: Array
    records: dict[str, Array]
    layout: Layout


def minimize(
    problem: Problem,
    lam: Any,
    hypergradient: Callable[..., Hypergradient] = reverse,
    outer: Descent | None = None,
    project: Project | None = None,
    iterations: int = 100,
    callback: Callable[[int, Array, Hypergradient], Mapping[str, Any] | None] | None = None,
    file: str | os.PathLike[str] | None = None,
    progress: Callable[[Iterable[int]], Iterable[int]] | None = None,
) -> Minimization:
    """min f(λ) over Λ:   λ_k = P_Λ(outer step from λ_{k-1} along ∇f(λ_{k-1})).    eq. (PHO)

    lam            (m,) λ_0, or a mapping of names; projected first
    hypergradient  reverse, forward, checkpointed, … : a function of (problem, lam)
    outer          outer.Adam(rate) (default) or outer.GradientDescent(rate)
    project        P_Λ of a flat λ, e.g. constraints.Product(weights=…).project; default: none
    iterations     K; a file that holds more is returned as it is
    callback       called as callback(k, λ_{k-1}, hypergradient there) for k = 1 … K; numbers that
                   it returns in a mapping are kept in `records`; StopIteration ends the run
    file           a path (.npz): the run is saved there, goes on from there where it exists
                   already, and lives through an interruption
    progress       wraps the iterations, as tqdm.tqdm does
    returns        Minimization: paths of λ, f and the callback's records
    Raises         ValueError where `file` holds another run, or a step leaves the domain (give a
                   projection); Diverged; what is done is saved before, where there is a file
    Cost           K hypergradients and one run; memory O(K m)
    Exact          resumed or not, the same λ to the last bit
    Beware         two lambdas as `project` cannot be told apart when a file is resumed;
                   saved at most every 5 seconds, and at the end, an exception or Ctrl-C
    Source         Franceschi et al. 2017, section 5.1
    """
    outer = Adam() if outer is None else outer
    project = anywhere if project is None else project
    require_descent(outer)
    for name, function in (("hypergradient", hypergradient), ("project", project)):
        require_callable(name, function)
    iterations = as_count("iterations", iterations, 1)
    blocks, layout = problem.read(lam)
    lam_0 = projected(problem, layout, project, layout.flatten(blocks))
    start = Done([lam_0], outer.start(lam_0), [], [], np.zeros(2))
    who = fingerprint(problem, lam_0, outer, project)
    run = SavedRun(file, who, start, lambda: hypergradient(problem, lam_0))
    todo: Iterable[int] = range(len(run.done.f) + 1, iterations + 1)
    try:
        for k in todo if progress is None else progress(todo):
            lam_k = run.done.lams[-1]
            g = hypergradient(problem, lam_k)
            row = callback(k, lam_k, g) if callback is not None else None
            moved, memory = outer.update(k, lam_k, g.grad, run.done.memory)
            lam_k = projected(problem, layout, project, moved)
            run.done = run.done.extended(lam_k, memory, g, row)
            run.save(SECONDS_BETWEEN_SAVES)
    except StopIteration:
        pass
    finally:
        run.save()
    done = run.done
    f = [*done.f, f_or_inf(problem, done.lams[-1])]
    return Minimization(np.array(done.lams), np.array(f), done.records, layout)


def f_or_inf(problem: Problem, lam: Array) -> float:
    """f(λ); inf where training diverges, which ends no run that is over anyway."""
    try:
        return float(problem.f(lam))
    except Diverged:
        return np.inf


def as_scipy(
    problem: Problem, hypergradient: Callable[..., Hypergradient] = reverse, like: Any = None
) -> Callable[[Any], tuple[float, Array]]:
    """fun(x) → (f(x), ∇f(x)), as `scipy.optimize.minimize(fun, lam, jac=True)` wants it.

    hypergradient  reverse, forward, … : a function of (problem, lam)
    like           a λ from `pack` whose blocks x has; needed only where there are schedules
    returns        a function of a flat λ (m,)
    Raises         ValueError outside of the domain, Diverged: scipy lets both pass through
    Cost           one hypergradient a call
    Exact          as the hypergradient is
    Beware         give scipy the bounds too (betas in [0, 1), weights >= 0): outside of them a λ
                   is refused
    Source         scipy.optimize's interface
    """

    def fun(x: Any) -> tuple[float, Array]:
        g = hypergradient(problem, alike(np.asarray(x), like))
        return float(g.f), g.grad

    return fun
