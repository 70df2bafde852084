"""A hypergradient computation that exposes every decision, so that a mistake can change it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.at import At
from hgref.hypergradient.reverse import add
from hgref.hypergradient.tape import fits
from hgref.layout import Blocks
from hgref.objectives.objective import Objective
from hgref.run import Run
from hgref.verify.mistakes.edits import Edit, altered, has_batches, leaves, other_run

Point = Callable[[int, int], int]
Wrongs = Iterator[tuple[str, "Computation"]]  # variants of a mistake


def together(*variants: str) -> str:
    """One variant of all that are not empty."""
    return ", ".join(filter(None, variants))


def before(t: int, T: int) -> int:
    return t - 1


@dataclass(frozen=True)
class Computation:
    """How a hypergradient is computed; unchanged, it is Algorithm 1.

    Each mistake edits one part, and edits of different parts compose in any order.

    run       the training run, at its λ
    backward  edits of the run whose steps are linearised on the way back; none: `run` itself
    at_A      (t, T) → the number of the state at which step t is linearised for α_t A_t
    at_B      the same for α_t B_t
    error     T → (T + 1,) the shares of s_0 … s_T in the state at which E is taken
    enters    T → (T + 1,) the same in the backward pass: how ∇E enters α_0 … α_T
    late      B_t is multiplied by α_{t-late} in place of α_t: 1 or −1, which leaves out B_T, or −2,
              which is −1 with α_T B_T
    columns   A_t α in place of α A_t
    every_K   one answer for each truncation to the last K steps, K < T
    direct    ∂E/∂λ is added
    alter     functions of α applied after each vjp
    answer    functions of the blocks applied at the end
    alone     not tried beside another mistake: one of very many, or very rare
    shared    what computations on the same run have in common
    """

    run: Run
    backward: tuple[Edit, ...] = ()
    at_A: Point = before
    at_B: Point = before
    error: Callable[[int], Array] = lambda T: only(T, T)
    enters: Callable[[int], Array] = lambda T: only(T, T)
    late: int = 0
    columns: bool = False
    every_K: bool = False
    direct: bool = True
    alter: tuple[Callable[[Array], Array], ...] = ()
    answer: tuple[Callable[[Blocks], Blocks], ...] = ()
    alone: bool = False
    shared: Shared = field(default_factory=lambda: Shared(), compare=False, repr=False)

    def changed(self, **fields: Any) -> Computation:
        return replace(self, **fields)

    def training(self, lam: Blocks | None = None, **parts: Any) -> Computation:
        """The computation with another λ in the run, or another dynamics, E or T."""
        return self.changed(run=other_run(self.run, lam, **parts))

    def training_on(self, J: Objective) -> Computation:
        return self.training(dynamics=altered(self.dynamics, J=J))

    def differentiating(self, edit: Edit) -> Computation:
        """The computation with an edited run in the backward pass alone."""
        return self.changed(backward=(*self.backward, edit))

    def differentiating_on(self, edit: Callable[[Objective], Objective]) -> Computation:
        """The same with an edited J."""
        return self.differentiating(
            lambda run: other_run(run, dynamics=altered(run.dynamics, J=edit(run.dynamics.J)))
        )

    def evaluating(self, shares: Callable[[int], Array]) -> Computation:
        """The computation with E at another mean of the states."""
        return self.changed(error=shares, enters=shares)

    def answering(self, function: Callable[[Blocks], Blocks]) -> Computation:
        return self.changed(answer=(*self.answer, function))

    @property
    def J(self) -> Objective:
        return self.run.dynamics.J

    @property
    def dynamics(self) -> Any:
        return self.run.dynamics

    @property
    def lam(self) -> Blocks:
        return self.run.lam


def only(t: int, T: int) -> Array:
    """(T + 1,) the shares of a mean that is s_t alone."""
    shares = np.zeros(T + 1)
    shares[t] = 1.0
    return shares


class Shared:
    """What is computed once for many mistakes: most of them change the way back alone.

    target   the gradient to be explained, from which a mistake may find its free number; or None
    keep     how many wrong gradients are kept, as they are before the functions of `answer`
    """

    def __init__(self, target: Blocks | None = None, keep: int = 4) -> None:
        self.target = target
        self.followed: Along | None = None
        self.states = functools.lru_cache(4)(lambda run: list(run.states()))
        self.of_run = functools.lru_cache(4)(lambda make, run: make(run))
        self.linearised = functools.lru_cache(2)(self.steps)
        self.unanswered = functools.lru_cache(keep)(lambda c: list(until_error(passed(c))))

    def along(self, run: Run) -> Along | None:
        """The run along a direction; None without a target."""
        if self.target is None:
            return None
        if self.followed is None:
            self.followed = Along(run, self.target)
        return self.followed

    def steps(self, run: Run, adjoint: Run, point: Point) -> Callable[[int], At]:
        """t → step t of `adjoint`, linearised at a state of `run`; kept, if they are small."""
        states, T = self.states(run), run.T

        def step(t: int) -> At:
            return adjoint.dynamics.at(adjoint.before + t, states[point(t, T)], adjoint.lam)

        return functools.lru_cache(T)(step) if fits(run.problem, 4 * T) else step


class Along:
    """A run followed along one random direction, beside the target's derivative along it."""

    def __init__(self, run: Run, target: Blocks):
        rng = np.random.default_rng(0)
        self.run, self.target = run, target
        self.dlam = {n: rng.standard_normal((*np.shape(b), 1)) for n, b in target.items()}
        self.states, Z = [run.start()], run.start_jvp(self.dlam, 1)
        self.Z = [Z]
        for t in range(1, run.T + 1):
            step = run.at(t, self.states[-1])
            self.Z.append(run.jvp(t, step, self.Z[-1], self.dlam))
            self.states.append(step.value)

    def off(self, shares: Array) -> float:
        """(∇E(s) dλ − target dλ) / target dλ, for the mean s of the states with these shares."""
        row, direct = self.run.error_grad(self.run.T, mean_of(self.states, shares))
        found = row @ mean_of(self.Z, shares)[:, 0] + self.times(direct)
        wanted = self.times(self.target)
        return float((found - wanted) / wanted)

    def times(self, blocks: Blocks) -> float:
        """blocks · dλ."""
        return sum(
            float(np.sum(b * self.dlam[n][..., 0])) for n, b in blocks.items() if n in self.dlam
        )


def gradients(computation: Computation) -> Iterator[tuple[str, Blocks]]:
    """Yield (truncation or "", blocks): once, or T − 1 times if `every_K`."""
    plain = computation.changed(answer=(), alone=False)
    for K, blocks in computation.shared.unanswered(plain):  # many differ in `answer` alone
        yield K, answered(computation, blocks)


def passed(computation: Computation) -> Iterator[tuple[str, Blocks]]:
    """One pass forwards and back."""
    run, T, shared = computation.run, computation.run.T, computation.shared
    adjoint = functools.reduce(lambda run, edit: edit(run), computation.backward, run)
    step_A, step_B = (
        shared.linearised(run, adjoint, point) for point in (computation.at_A, computation.at_B)
    )
    apart = computation.at_A is not computation.at_B or computation.late
    enters, s = computation.enters(T), mean_of(shared.states(run), computation.error(T))
    row, direct = run.error_grad(T, s)
    alpha, total = enters[T] * row, run.layout.zeros(like=row)
    last = alpha if computation.late == -2 else 0 * alpha
    add(total, known(run, direct) if computation.direct else {})
    for t in range(T, 0, -1):
        if alpha.any():
            A = step_A(t)
            back, share = A.vjp(alpha)
            back = altered_row(computation, A, alpha, back)
            if apart:
                share = step_B(t).vjp({0: alpha, 1: back}.get(computation.late, last))[1]
            add(total, known(run, share))
            alpha, last = back, alpha
        if enters[t - 1]:
            alpha = alpha + enters[t - 1] * row
        if computation.every_K and t > 1:
            yield f"K = {T - t + 1}", {name: block.copy() for name, block in total.items()}
    if not computation.every_K:
        add(total, run.start_vjp(alpha))
        yield "", total


def altered_row(computation: Computation, A: At, alpha: Array, back: Array) -> Array:
    """α_{t-1}, from α_t and α_t A_t."""
    if computation.columns:
        back = A.jvp(alpha[:, None], {})[:, 0]
    for function in computation.alter:
        back = function(back)
    return back


def mean_of(states: list[Array], shares: Array) -> Array:
    return sum((shares[t] * states[t] for t in np.flatnonzero(shares)), np.zeros_like(states[0]))


def known(run: Run, share: Blocks) -> Blocks:
    """Only the blocks that λ has; another convention may have more."""
    return {name: block for name, block in share.items() if name in run.layout.shapes}


def answered(computation: Computation, blocks: Blocks) -> Blocks:
    blocks = {name: block.copy() for name, block in blocks.items()}
    for function in computation.answer:
        blocks = function(blocks)
    return blocks


def until_error(items: Iterable[Any]) -> Iterator[Any]:
    """The items: a mistake may diverge, or not fit another one, or an author's own functions."""
    items = iter(items)
    while True:
        try:
            with np.errstate(all="ignore"):
                item = next(items)
        except Exception:  # of StopIteration too
            return
        yield item


# --- what a computation has ---


def sees_lam(base: Computation) -> bool:
    """Whether E depends on λ directly."""
    run = base.run
    return bool(run.error_grad(run.T, run.dynamics.start(run.problem.w0))[1])


def depends_on_t(computation: Computation) -> bool:
    """Whether a schedule or a table of mini-batches fixes the number of steps."""
    return bool(scheduled(computation)) or any(map(has_batches, leaves(computation.J)))


def scheduled(computation: Computation) -> list[str]:
    """Names of the hyperparameters that are schedules of more than one step."""
    lam, axes = computation.lam, computation.dynamics.axes
    return [n for n in computation.dynamics.names if "steps" in axes(n, lam[n]) and len(lam[n]) > 1]
