"""The outer loop: a step along the hypergradient, then a projection onto Λ."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hgref.arguments import Array, as_count, asarray, require_callable
from hgref.descent import Adam, Descent, Path, anywhere, projected, require_descent
from hgref.hypergradient.reverse import reverse
from hgref.layout import Blocks, Layout, alike
from hgref.outer.saved_run import Done, SavedRun, fingerprint
from hgref.problem import Diverged, Hypergradient, Problem

SECONDS_BETWEEN_SAVES = 5.0

Project = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Minimization(Path):
    """The result of `minimize`: the path of λ over the hyper-iterations k = 0 … K.

    lam      (K+1, m) λ_0 … λ_K
    f        (K+1,) f(λ_0) … f(λ_K)
    records  what the callback returned: {name: (K, …)}
    layout   the positions of the blocks in λ

    Example
        >>> J = E = hgref.objectives.Quadratic(np.eye(2), np.ones(2))
        >>> problem = hgref.Problem(hgref.GradientDescent(J), E, T=3)
        >>> run = hgref.outer.minimize(problem, {"eta": 0.1}, iterations=4)
        >>> run.lam.shape, run.f.shape, run.best.shape
        ((5, 1), (5,), (1,))
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
    wrt: Iterable[str] | None = None,
) -> Minimization:
    """min f(λ) over Λ:   λ_k = P_Λ(outer step from λ_{k-1} along ∇f(λ_{k-1})).    eq. (PHO)

    lam            (m,) λ_0, or a mapping of names; it is projected first
    hypergradient  reverse, forward, checkpointed, … : a function of (problem, lam)
    outer          outer.Adam(rate) (default) or outer.GradientDescent(rate)
    project        P_Λ, a function of a flat λ, such as constraints.Product(weights=…).project;
                   default: no constraint
    iterations     K; if `file` holds more iterations, all of them are returned
    callback       called as callback(k, λ_{k-1}, hypergradient at λ_{k-1}) for k = 1 … K; it may
                   return a mapping of numbers to keep in `records`, or raise StopIteration to end
                   the run
    file           a path (.npz) to save the run to; if the file exists, the run is resumed from it
    progress       a wrapper of the iterations, such as tqdm.tqdm
    wrt            names of the blocks that move; the others stay as they are in λ_0. Default: all.
                   It is passed on to a hypergradient that takes it, such as forward
    returns        Minimization: the paths of λ and f, and the callback's records
    Raises         ValueError if `file` holds another run, or if a step leaves the domain of the
                   problem (pass a projection); Diverged. The iterations so far are saved first
    Cost           K + 1 hypergradients, the last for f(λ_K) alone; memory O(K m)
    Exact          a resumed run gives the same λ as an uninterrupted one, bit for bit
    Beware         `file` is written at most every 5 seconds, and at the end, on an exception and on
                   Ctrl-C. A resumed run cannot tell one lambda given as `project` from another
    Source         Franceschi et al. 2017, section 5.1

    Example
        >>> J = E = hgref.objectives.Quadratic(np.eye(2), np.ones(2))
        >>> problem = hgref.Problem(hgref.GradientDescent(J), E, T=3)
        >>> box = hgref.constraints.Box(0, 0.5)
        >>> rule = hgref.outer.GradientDescent(0.1)
        >>> run = hgref.outer.minimize(problem, {"eta": 0.1}, outer=rule, project=box.project)
        >>> run.best.round(3).tolist(), bool(run.f[-1] < run.f[0])
        ([0.5], True)
    """
    outer = Adam() if outer is None else outer
    project = anywhere if project is None else project
    require_descent(outer)
    for name, function in (("hypergradient", hypergradient), ("project", project)):
        require_callable(name, function)
    iterations = as_count("iterations", iterations, 1)
    begun = projected(problem, project, problem.read(lam).point)
    lam_0, moving = begun.point, Moving(begun.layout, wrt)
    start = Done([lam_0], outer.start(lam_0), [], [], np.zeros(2))
    who = fingerprint(problem, lam_0, outer, project, moving.names)
    hypergradient = moving.asked(hypergradient)
    run = SavedRun(file, who, start, lambda: hypergradient(problem, lam_0))
    todo: Iterable[int] = range(len(run.done.f) + 1, iterations + 1)
    try:
        for k in todo if progress is None else progress(todo):
            lam_k = run.done.lams[-1]
            g = hypergradient(problem, lam_k)
            row = callback(k, lam_k, g) if callback is not None else None
            moved, memory = outer.update(k, lam_k, moving.whole(g), run.done.memory)
            lam_k = moving.held(projected(problem, project, moved).point, lam_0)
            run.done = run.done.extended(lam_k, memory, g, row)
            run.save(SECONDS_BETWEEN_SAVES)
    except StopIteration:
        pass
    finally:
        run.save()
    done = run.done
    last = done.lams[-1]
    f = [*done.f, f_or_inf(lambda: hypergradient(problem, last).f, lambda: problem.f(last))]
    return Minimization(np.array(done.lams), np.array(f), done.records, begun.layout)


class Moving:
    """The blocks of λ that an outer loop changes.

    names   of them; None: all
    """

    def __init__(self, layout: Layout, wrt: Iterable[str] | None):
        self.layout = layout
        self.names = None if wrt is None else list(layout.select(wrt).shapes)

    def asked(self, hypergradient: Callable[..., Hypergradient]) -> Callable[..., Hypergradient]:
        """The same function, for these blocks alone if it can compute them alone."""
        if self.names is None or "wrt" not in inspect.signature(hypergradient).parameters:
            return hypergradient
        return functools.partial(hypergradient, wrt=self.names)

    def whole(self, g: Hypergradient) -> Array:
        """∇f (m,), zero in the blocks that stay."""
        if self.names is None:
            return g.grad
        return self.layout.gathered({name: g[name] for name in self.names})

    def part(self, g: Hypergradient) -> Array:
        """∇f in these blocks alone, one after the other."""
        if self.names is None:
            return g.grad
        return np.concatenate([np.ravel(g[name]) for name in self.names])

    def held(self, moved: Array, lam: Array) -> Array:
        """`moved` in these blocks, λ in the others."""
        return moved if self.names is None else self.replaced(lam, self.layout.split(moved))

    def placed(self, x: Array, lam: Array) -> Array:
        """x, these blocks alone, within λ."""
        if self.names is None:
            return x
        return self.replaced(lam, self.layout.select(self.names).split(x))

    def replaced(self, lam: Array, blocks: Blocks) -> Array:
        ours = {name: blocks[name] for name in self.names or ()}
        point = self.layout.point(self.layout.flatten({**self.layout.split(lam), **ours}))
        point.flags.writeable = False
        return point


def f_or_inf(*ways: Callable[[], Any]) -> float:
    """f(λ) by the first way that does not diverge, else inf: an error must not lose a run."""
    for f in ways:
        try:
            return float(f())
        except Diverged:
            pass
    return np.inf


def as_scipy(
    problem: Problem,
    hypergradient: Callable[..., Hypergradient] = reverse,
    like: Any = None,
    wrt: Iterable[str] | None = None,
) -> Callable[[Any], tuple[float, Array]]:
    """fun(x) → (f(x), ∇f(x)), the form expected by `scipy.optimize.minimize(fun, lam, jac=True)`.

    hypergradient  reverse, forward, … : a function of (problem, lam)
    like           a λ from `pack` with the same blocks as x; needed only if λ contains schedules;
                   with wrt any λ, which gives the blocks that stay
    wrt            names of the blocks that x has, one after the other; default all
    returns        a function of a flat λ (m,), or of those blocks of it
    Raises         ValueError if x is outside the domain of the problem; Diverged. Both pass through
                   scipy to the caller
    Cost           one hypergradient a call
    Exact          as exact as the hypergradient
    Beware         pass the bounds of the domain to scipy (betas in [0, 1), weights >= 0): a λ
                   outside them is refused
    Source         the interface of scipy.optimize

    Example
        >>> J = E = hgref.objectives.Quadratic(np.eye(2), np.ones(2))
        >>> problem = hgref.Problem(hgref.GradientDescent(J), E, T=1)
        >>> f, grad = hgref.as_scipy(problem)(np.array([0.5]))  # f = (1 − η)² − 1
        >>> round(f, 3), grad.round(3).tolist()
        (-0.75, [-1.0])
    """

    if wrt is None:
        moving = Moving(problem.layout, None)
    elif like is None:
        raise ValueError("like: with wrt expected a λ that gives the other blocks, found None")
    else:
        run = problem.read(like)
        like, moving = run.point, Moving(run.layout, wrt)
    asked = moving.asked(hypergradient)

    def fun(x: Any) -> tuple[float, Array]:
        g = asked(problem, alike(moving.placed(asarray("x", x), like), like))
        return float(g.f), moving.part(g)

    return fun
