"""A problem at one λ: the training run and the validation error, checked for finite numbers."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from hgref.arguments import Array, where_not_finite
from hgref.at import At, as_columns, as_row, as_state
from hgref.dynamics.dynamics import Dynamics
from hgref.layout import Blocks, Layout
from hgref.objectives.objective import Objective


class Diverged(ArithmeticError):
    """A NaN or infinity appeared in a run.

    what                   what is not finite: the training run, Z_t, alpha, ∇f, …
    t, block, coordinate   step, block (of the state, or of λ, or E itself) and index in it of the
                           first NaN or infinity
    """

    def __init__(self, what: str, t: int, block: str, coordinate: int):
        super().__init__(what, t, block, coordinate)
        self.what, self.t, self.block, self.coordinate = what, t, block, coordinate

    def __str__(self) -> str:
        return (
            f"{self.what} left the finite numbers at step t = {self.t}, block {self.block!r}, "
            f"coordinate {self.coordinate}; try a smaller eta, and look for 0/0 (an epsilon of 0)"
        )


class Posed(Protocol):
    """What a run needs of its Problem."""

    dynamics: Dynamics
    E: Objective
    T: int
    p: int
    d: int
    w0: Array
    s0: Array | None
    t0: int
    learn_w0: bool
    transform: Any

    def f(self, lam: Any) -> Any: ...
    def require_lam(self, lam: Blocks) -> Blocks: ...


class Run:
    """s_t = Φ_t(s_{t-1}, λ) and E(s_t, λ) at one λ. Every method may raise Diverged.

    problem   the Problem
    theta     the point as named blocks: λ, or θ where the problem has a transform
    layout    their positions in the flat vector
    lam       the blocks of λ = τ(θ)
    """

    def __init__(self, problem: Posed, theta: Blocks, layout: Layout):
        self.problem, self.theta, self.layout = problem, theta, layout
        self.tau = None if problem.transform is None else problem.transform.at(theta)
        self.lam = theta if self.tau is None else problem.require_lam(self.tau.value)
        self.before = problem.t0 - 1  # steps of a longer run that came before
        self.pushed: tuple[Blocks, Blocks] = ({}, {})
        self.dynamics, self.E, self.T = problem.dynamics, problem.E, problem.T

    @property
    def point(self) -> Array:
        """λ, or θ, as a flat vector (m,) that carries its layout; a read-only copy."""
        point = self.layout.point(self.layout.flatten(self.theta))
        point.flags.writeable = False
        return point

    def untransformed(self) -> Run:
        """The same run as a function of λ itself."""
        if self.tau is None:
            return self
        plain = copy.copy(self.problem)
        plain.transform = None
        return Run(plain, self.lam, Layout({name: x.shape for name, x in self.lam.items()}))

    # --- λ = τ(θ): the methods below take tangents of θ, and return its cotangents ---

    def push(self, dtheta: Blocks) -> Blocks:
        """dλ = τ' dθ; the columns are the same in every step."""
        if self.tau is None:
            return dtheta
        if self.pushed[0] is not dtheta:
            self.pushed = dtheta, self.tau.jvp(dtheta)
        return self.pushed[1]

    def pull(self, share: Blocks) -> Blocks:
        """b_θ = b_λ τ'."""
        return share if self.tau is None else self.tau.vjp(share)

    # --- the start ---

    def at_start(self) -> At:
        """s_0 (d,) with its products."""
        problem = self.problem
        if problem.s0 is not None:
            return At(problem.s0, lambda dw0, dlam: np.zeros((problem.d, dw0.shape[1])), no_share)
        with np.errstate(all="ignore"):
            start = self.dynamics.at_start(
                self.lam["w0"] if problem.learn_w0 else problem.w0, self.lam
            )
        as_state("start", self.dynamics, start.value, problem.d)
        self.require_state("the start", 0, start.value)
        return start

    def start(self) -> Array:
        """s_0 (d,)."""
        return self.at_start().value

    def start_jvp(self, dlam: Blocks, k: int) -> Array:
        """Z_0 = ds_0/dλ · dλ (d, k): zero unless the start is learned."""
        dlam = self.push(dlam)
        learned = "w0" in dlam and self.problem.learn_w0
        dw0 = dlam["w0"] if learned else np.zeros((self.problem.p, k))
        return self.at_start().jvp(dw0, dlam)

    def start_vjp(self, alpha: Array) -> Blocks:
        """α ds_0/dλ."""
        row, share = self.at_start().vjp(alpha)
        return self.pull({**share, "w0": row} if self.problem.learn_w0 else share)

    # --- the steps ---

    def number(self, t: int) -> int:
        """The number of the problem's step that step t of this run ends with: t itself."""
        return t

    def at(self, t: int, s: Array) -> At:
        """Step t linearised at s = s_{t-1}; its value is s_t."""
        with np.errstate(all="ignore"):
            step = self.dynamics.at(self.before + t, s, self.lam)
        s = as_state("step", self.dynamics, step.value, self.problem.d)
        self.require_state("the training run", t, s)
        return step

    def step(self, t: int, s: Array) -> Array:
        """s_t = Φ_t(s_{t-1}, λ)."""
        with np.errstate(all="ignore"):
            s = self.dynamics.step(self.before + t, s, self.lam)
        as_state("step", self.dynamics, s, self.problem.d)
        self.require_state("the training run", t, s)
        return s

    def jvp(self, t: int, step: At, Z: Array, dlam: Blocks) -> Array:
        """Z_t = A_t Z_{t-1} + B_t dλ."""
        with np.errstate(all="ignore"):
            Z = as_columns(self.dynamics, step.jvp(Z, self.push(dlam)), Z)
        self.require_state("Z_t", t, Z)
        return Z

    def vjp(self, t: int, step: At, alpha: Array) -> tuple[Array, Blocks]:
        """(α_{t-1}, α_t B_t) from α_t."""
        trained = self.dynamics.hyper(self.problem.p)
        shapes = {name: self.lam[name].shape for name in trained}
        with np.errstate(all="ignore"):
            alpha, share = as_row(self.dynamics, step.vjp(alpha), alpha, shapes)
        self.require_state("alpha, going backwards,", t - 1, alpha)
        return alpha, self.pull(share)

    def states(self) -> Iterator[Array]:
        """s_0, s_1, … s_T."""
        s = self.start()
        yield s
        for t in range(1, self.T + 1):
            s = self.step(t, s)
            yield s

    def last_state(self) -> Array:
        """s_T; earlier states are not kept."""
        for s in self.states():  # noqa: B007 - only the last one is needed
            pass
        return s

    # --- the validation error ---

    def error(self, t: int, s: Array) -> Any:
        """E(s_t), scalar."""
        with np.errstate(all="ignore"):
            value = self.E.value(self.before + t, self.dynamics.weights(s), self.lam)
        if where_not_finite(np.asarray(value)) is not None:
            raise Diverged("the validation error", t, "E", 0)
        return value

    def error_grad(self, t: int, s: Array) -> tuple[Array, Blocks]:
        """(∇E(s_t) (d,), {name: ∂E/∂λ directly})."""
        w = self.dynamics.weights(s)
        with np.errstate(all="ignore"):
            number = self.before + t
            row, direct = self.E.grad(number, w, self.lam), self.E.grad_lam(number, w, self.lam)
        as_state("grad", self.E, row, self.problem.p)
        self.require_finite("∇E", t, {"w": row, **direct})
        rest = np.zeros(self.problem.d - self.problem.p, dtype=row.dtype)
        return np.concatenate([rest, row]), self.pull(direct)

    # --- finite numbers ---

    def require_state(self, what: str, t: int, s: Array) -> None:
        """Raise Diverged, naming block and coordinate, if a state or Z_t is not finite."""
        bad = where_not_finite(s)
        if bad is not None:
            for block, part in self.dynamics.parts(self.problem.d).items():
                if part.start <= bad[0] < part.stop:
                    raise Diverged(what, t, block, bad[0] - part.start)

    def require_finite(self, what: str, t: int, blocks: Blocks) -> None:
        """Raise Diverged, naming block and coordinate, if one of the blocks is not finite."""
        for name, block in blocks.items():
            bad = where_not_finite(np.asarray(block).reshape(-1))
            if bad is not None:
                raise Diverged(what, t, name, bad[0])


def no_share(alpha: Array) -> tuple[Array, Blocks]:
    """Of a start that depends on nothing."""
    return alpha, {}
