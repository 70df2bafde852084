"""RTHO: hyperparameters are updated while training goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, as_count, require_callable
from hgref.descent import Adam, Descent, anywhere, projected, require_descent
from hgref.hypergradient.forward import partial
from hgref.layout import Layout
from hgref.problem import Problem
from hgref.run import Run


@dataclass(frozen=True, eq=False)
class RealTime:
    """One training run with U = ⌊T/Δ⌋ updates of its hyperparameters.

    t       (U,) the steps after which λ was updated: Δ, 2Δ, …
    lam     (U+1, m) the path of λ: lam[0] in steps 1 … Δ, lam[u] after step t[u-1]
    f       (U,) f_t(λ) = E(s_t) at those t, before the update
    s_T     (d,) the final state
    layout  positions of the blocks in λ
    """

    t: Array
    lam: Array
    f: Array
    s_T: Array
    layout: Layout

    @property
    def last(self) -> Array:
        """λ after the last update."""
        return self.layout.point(self.lam[-1])

    def __getitem__(self, name: str) -> Array:
        """The path of one block, (U+1, …)."""
        self.layout.select([name])  # refuses unknown names
        shape = self.layout.shapes[name]
        return self.lam[:, self.layout.slices[name]].reshape(-1, *shape)


def realtime(
    problem: Problem,
    lam: Any,
    every: int,
    outer: Descent | None = None,
    project: Callable[[Array], Array] | None = None,
    wrt: Iterable[str] | None = None,
    progress: Callable[[Iterable[int]], Iterable[int]] | None = None,
    discount: float = 1.0,
) -> RealTime:
    """One training run in which λ is updated after every Δ steps, by the partial hypergradient.

        Z_t = γ A_t Z_{t-1} + B_t    at the current λ; Z is never reset               eq. (14)
        ∇f_t(λ) = ∇E(s_t) Z_t (+ ∂E/∂λ),   λ ← P_Λ(outer step),   t = Δ, 2Δ …         eq. (16)

    lam      (m,) λ_0, or a mapping of names; projected first
    every    Δ, the size of the hyper-batch, 1 … T
    outer    outer.Adam(rate) (default) or outer.GradientDescent(rate)
    project  P_Λ of a flat λ; default: none
    wrt      names of the blocks to update: only their columns of Z are carried; default all
    progress wraps the steps, as tqdm.tqdm does
    discount γ, from 0 (hypergradient descent: the last step alone) to 1 (RTHO)
    returns  RealTime: the paths of λ_t and f_t, and s_T
    Raises   ValueError for a bad Δ, and for a bad λ at the start or after an update; Diverged
    Cost     that of one `forward`, and ⌊T/Δ⌋ gradients of E; memory O(d m)
    Exact    ∇f_t is exact until the first update; after it, Z_t mixes the λ's of different steps.
             For γ < 1 it forgets early steps, and is no gradient of f_t
    Beware   Δ = T makes one exact update at the end; for many hyperparameters see
             `realtime_truncated`
    Source   Franceschi et al. 2017, section 3.3; Baydin et al. 2018 (γ = 0); Donini, Franceschi
             et al. 2020, "MARTHE" (γ between)

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> outer = hgref.outer.GradientDescent(rate=0.01)
        >>> run = hgref.realtime(problem, problem.pack(eta=0.1), every=5, outer=outer)
        >>> run.t.tolist(), run["eta"].round(3).tolist()
        ([5, 10], [0.1, 0.197, 0.22])
    """
    every = as_count("every", every, 1, problem.T)
    if not 0 <= as_array("discount", discount, ()) <= 1:
        raise ValueError(f"discount: expected a number in [0, 1], found {discount}")
    steps = range(1, problem.T + 1)
    path = LamPath(problem, lam, outer, project, wrt)
    return path.followed(every, steps if progress is None else progress(steps), float(discount))


class LamPath:
    """The path of λ: P_Λ(λ_0), then one point for each partial hypergradient.

    arguments  see `realtime`
    columns    the blocks to update
    run        the run at the current λ
    """

    def __init__(
        self,
        problem: Problem,
        lam: Any,
        outer: Descent | None,
        project: Callable[[Array], Array] | None,
        wrt: Iterable[str] | None,
    ):
        self.problem, self.outer = problem, Adam() if outer is None else outer
        self.project = anywhere if project is None else project
        require_descent(self.outer)
        require_callable("project", self.project)
        self.run = self.at(problem.read(lam).point)
        layout = self.run.layout
        self.columns = layout if wrt is None else layout.select(wrt)
        numbers = np.arange(layout.size)
        self.moved = np.concatenate([numbers[layout.slices[n]] for n in self.columns.shapes])
        self.lams, self.f = [self.run.point], list[Any]()
        self.memory = self.outer.start(self.lams[0][self.moved])

    def update(self, f: Any, grad: Array) -> None:
        """λ ← P_Λ(outer step along ∇f_t(λ))."""
        self.f.append(f)
        lam = self.lams[-1].copy()
        lam[self.moved], self.memory = self.outer.update(
            len(self.f), lam[self.moved], grad, self.memory
        )
        self.run = self.at(lam)
        self.lams.append(self.run.point)

    def at(self, lam: Array) -> Run:
        """The run at P_Λ(λ)."""
        return projected(self.problem, self.project, lam)

    def followed(self, every: int, steps: Iterable[int], discount: float = 1.0) -> RealTime:
        """The whole training run, over the numbers 1 … T of its steps, with its updates."""
        dlam = self.columns.identity()
        s, Z = self.run.start(), self.run.start_jvp(dlam, self.columns.size)
        for t in steps:
            step = self.run.at(t, s)
            Z = self.run.jvp(t, step, discount * Z, dlam)
            s = step.value
            if self.run.number(t) % every == 0:
                self.update(self.run.error(t, s), partial(self.run, t, s, Z, self.columns))
        return self.record(every, s)

    def record(self, every: int, s_T: Array) -> RealTime:
        """The record of the whole run."""
        t = every * np.arange(1, len(self.f) + 1)
        return RealTime(t, np.array(self.lams), np.array(self.f), s_T, self.run.layout)
