"""REVERSE-HG on a training run that is recomputed backwards instead of stored."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array
from hgref.dynamics.momentum import Momentum
from hgref.hypergradient.fixed_point import BITS, Buffer, forgetful, remembered
from hgref.hypergradient.reverse import multipliers
from hgref.problem import Hypergradient, Problem
from hgref.run import Run


@dataclass(frozen=True, eq=False)
class Reversible(Hypergradient):
    """A hypergradient, and the memory used to go back.

    bits     stored for each weight and step
    kept     bytes stored for the run: the bits, and √T checksums
    stored   bytes of the T states of the run, which it did without
    """

    bits: float = 0.0
    kept: int = 0
    stored: int = 0


def reversible(problem: Problem, lam: Any, largest: float = 1024.0) -> Reversible:
    """∇f(λ) by REVERSE-HG, recomputing the run *backwards* from its end instead of storing it.

        v_t = ⌊μ v_{t-1}⌋ + ∇J_t(w_{t-1}),      w_t = w_{t-1} − η v_t          forwards
        w_{t-1} = w_t + η v_t,   v_{t-1} = (v_t − ∇J_t(w_{t-1})) / μ + bits    backwards
        α_t = α_{t+1} A_{t+1},   ∇f(λ) = Σ_t α_t B_t                           eq. (8), (9), (10)

    w and v are integer multiples of 2^-62 · largest, so that sums can be undone; what the product
    with μ < 1 loses goes into a buffer, see `hgref.hypergradient.fixed_point`.

    lam      (m,) the point λ, or a mapping of names; every μ in (0, 1)
    largest  no weight, velocity or gradient may exceed it
    returns  Reversible: a Hypergradient with .bits (for each weight and step), .kept, .stored
    Raises   TypeError unless the dynamics is Momentum without nesterov, ValueError for a bad λ,
             OverflowError if a number exceeds `largest`, ArithmeticError if a state is not
             recovered bit for bit, Diverged
    Cost     2T steps and T vjps; memory O(d) and about 2 (1 − μ) bits for each weight and step,
             for 1/2 <= μ < 1; no method needs less than log2(1/μ)
    Exact    recovers each state of its own run bit for bit, and checks it every √T steps. That run
             differs from the one in floating point by rounding: agrees with `reverse` to 1e-12
             if training forgets its rounding errors
    Beware   J must give the same bits at the same (t, w, λ) twice. A chaotic run amplifies the
             difference between fixed and floating point as it amplifies everything
    Source   Maclaurin, Duvenaud, Adams 2015, "Gradient-based hyperparameter optimization through
             reversible learning" (there, μ is a fraction and remainders are recycled: log2(1/μ)
             bits); Franceschi et al. 2017, section 3.1, for the storage that it avoids

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.Momentum(J), J, T=100)
        >>> lam = problem.pack(eta=0.1, mu=0.9)
        >>> g = hgref.reversible(problem, lam)
        >>> g.kept < g.stored / 10, np.allclose(g.grad, hgref.reverse(problem, lam).grad)
        (True, True)
    """
    require_reversible(problem)
    if problem.s0 is not None or problem.t0 > 1:
        raise ValueError("reversible: expected a run from its beginning, found s0 or t0 > 1")
    run = problem.at(lam)
    track = Backtrack(run, float(as_array("largest", largest, ())))
    track.train()
    bits = track.buffer.bits
    kept = math.ceil(bits / 8) + 4 * len(track.checksums)
    g = multipliers(run, track.state(), ((t, run.at(t, s)) for t, s in track.back()))
    stored = 8 * problem.T * problem.d
    bits_each = bits / (problem.T * problem.p)
    return Reversible(g.f, g.grad, g.s_T, g.layout, bits=bits_each, kept=kept, stored=stored)


def require_reversible(problem: Problem) -> None:
    """Raise TypeError unless the steps of the dynamics can be undone."""
    dynamics = problem.dynamics
    if type(dynamics) is not Momentum:
        raise TypeError(
            f"reversible: expected Momentum, whose steps can be undone, found "
            f"{type(dynamics).__name__}; use checkpointed, which also needs little memory"
        )
    if dynamics.nesterov:
        raise TypeError(
            "reversible: expected Momentum without nesterov, found nesterov=True: its w_t depends "
            "on the gradient at w_{t-1} too, so that a step back is an equation to solve"
        )


class Backtrack:
    """A run of momentum in fixed point, forwards and back.

    v, w        (p,) integer multiples of `unit`
    checksums   of s_0 and each √T-th state after it
    """

    def __init__(self, run: Run, largest: float):
        self.run, self.dynamics = run, run.dynamics
        if not largest > 0:
            raise ValueError(f"largest: expected a number > 0, found {largest}")
        self.largest, self.unit = largest, np.ldexp(largest, -BITS)
        if "mu" in run.dynamics.of_weights:
            raise TypeError("over: expected one mu for all weights; use checkpointed")
        mu = np.asarray(run.lam["mu"])
        if mu.dtype.kind in "cO" or not np.all((mu > 0) & (mu < 1)):
            raise ValueError(f"mu: expected numbers in (0, 1), found {mu}")
        start = run.start()
        if start.dtype.kind in "cO":
            raise TypeError(f"w0: expected real numbers, found {start.dtype}")
        self.v, self.w = (self.whole(0, x) for x in self.dynamics.split(start))
        self.every = math.isqrt(run.T)
        self.buffer = Buffer()
        self.checksums: list[int] = []

    def whole(self, t: int, x: Array) -> Array:
        """x in integer multiples of the unit."""
        self.require_inside(t, x)
        return np.rint(x / self.unit).astype(np.int64)

    def require_inside(self, t: int, x: Array) -> None:
        """Raise OverflowError if a number exceeds `largest`."""
        most = np.abs(x).max()
        if most > self.largest:
            raise OverflowError(
                f"largest: expected no weight, velocity or gradient above {self.largest}, found "
                f"{most:.3g} at step t = {t}; give a larger one, or a smaller eta"
            )

    def state(self) -> Array:
        """(v, w) in floating point, (d,)."""
        return np.concatenate([self.v, self.w]) * self.unit

    def numbers(self, t: int) -> dict[str, float]:
        """η, μ, κ and δ of step t."""
        momentum: Any = self.dynamics
        return momentum.numbers(t, momentum.rates_at(t, self.run.lam))

    def pull(self, t: int) -> tuple[Array, float]:
        """(κ h, μ) of step t, with h = ∇J_t + δ w at the current weights."""
        numbers, w = self.numbers(t), self.w * self.unit
        with np.errstate(all="ignore"):
            g = self.dynamics.J.grad(t, w, self.run.lam)
            h = numbers["keep"] * (g + numbers["decay"] * w)
        self.run.require_finite("the training run", t, {"v": h})
        return self.whole(t, h), float(numbers["mu"])

    def move(self, t: int) -> Array:
        """η v_t."""
        return self.whole(t, self.numbers(t)["eta"] * (self.v * self.unit))

    def train(self) -> None:
        """(v, w) ← s_T."""
        for t in range(1, self.run.T + 1):
            if (t - 1) % self.every == 0:
                self.checksums.append(self.checksum())
            pull, mu = self.pull(t)
            self.v = forgetful(self.v, mu, self.buffer) + pull
            self.require_inside(t, self.v * self.unit)
            self.w = self.w - self.move(t)
            self.require_inside(t, self.w * self.unit)

    def back(self) -> Iterator[tuple[int, Array]]:
        """(t, s_{t-1}) for t = T … 1, recovered bit for bit."""
        for t in range(self.run.T, 0, -1):
            self.w = self.w + self.move(t)
            pull, mu = self.pull(t)
            self.v = remembered(self.v - pull, mu, self.buffer)
            if (t - 1) % self.every == 0 and self.checksum() != self.checksums.pop():
                raise ArithmeticError(
                    f"reversible: the state before step t = {t} was not recovered bit for bit: "
                    f"J gave another gradient at the same weights there or up to "
                    f"{self.every - 1} steps later"
                )
            yield t, self.state()

    def checksum(self) -> int:
        return zlib.crc32(np.concatenate([self.v, self.w]).tobytes())
