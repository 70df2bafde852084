"""REVERSE-HG on a training run that is run backwards, instead of being kept."""

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
    """A hypergradient, and what it took to go back.

    bits     kept, for each weight and step
    kept     bytes of all that was kept of the run: the bits, and √T checksums
    stored   bytes of the states that `reverse` would have kept
    """

    bits: float = 0.0
    kept: int = 0
    stored: int = 0


def reversible(problem: Problem, lam: Any, largest: float = 1024.0) -> Reversible:
    """∇f(λ) by REVERSE-HG, the run recomputed *backwards* from its end: nothing of it is stored.

        v_t = ⌊μ v_{t-1}⌋ + ∇J_t(w_{t-1}),      w_t = w_{t-1} − η v_t          forwards
        w_{t-1} = w_t + η v_t,   v_{t-1} = (v_t − ∇J_t(w_{t-1})) / μ + bits    backwards
        α_t = α_{t+1} A_{t+1},   ∇f(λ) = Σ_t α_t B_t                           eq. (8), (9), (10)

    w and v are whole multiples of 2^-62 · largest, so that sums can be taken back; what the
    product with μ < 1 forgets goes into a buffer, see `hgref.hypergradient.fixed_point`.

    lam      (m,) the point λ, or a mapping of names; every μ in (0, 1)
    largest  no weight and no velocity may exceed it
    returns  Reversible: a Hypergradient with .bits (for each weight and step), .kept, .stored
    Raises   TypeError for another dynamics than Momentum without nesterov, ValueError for a bad λ,
             OverflowError where a number exceeds `largest`, ArithmeticError where a state is not
             recovered bit for bit, Diverged
    Cost     2T steps and T vjps; memory O(d) and about 2 (1 − μ) bits for each weight and step,
             for 1/2 <= μ < 1; the least that any way can keep is log2(1/μ)
    Exact    recovers each state of its own run bit for bit, and asserts it every √T steps. That run
             differs from the one in floating point by rounding: agrees with `reverse` to 1e-12
             where training forgets its rounding errors
    Beware   J must give the same bits at the same (t, w, λ) twice. A chaotic run amplifies the
             difference between fixed and floating point as it amplifies everything
    Source   Maclaurin, Duvenaud, Adams 2015, "Gradient-based hyperparameter optimization through
             reversible learning" (there, μ is a fraction and remainders are recycled: log2(1/μ)
             bits); Franceschi et al. 2017, section 3.1, names what it replaces
    """
    require_reversible(problem)
    run = problem.at(lam)
    track = Backtrack(run, float(as_array("largest", largest, ())))
    track.train()
    bits = track.buffer.bits
    kept = math.ceil(bits / 8) + 4 * len(track.checksums)
    g = multipliers(run, track.state(), ((t, run.at(t, s)) for t, s in track.back()))
    stored = 8 * problem.T * problem.d
    bits_each = bits / (problem.T * problem.p)
    return Reversible(g.f, g.grad, g.s_T, g.layout, None, bits_each, kept, stored)


def require_reversible(problem: Problem) -> None:
    """Raise TypeError, in a sentence, unless a step can be taken back."""
    dynamics = problem.dynamics
    if type(dynamics) is not Momentum:
        raise TypeError(
            f"reversible: expected Momentum, whose step can be taken back, found "
            f"{type(dynamics).__name__}; use checkpointed, which needs little memory too"
        )
    if dynamics.nesterov:
        raise TypeError(
            "reversible: expected Momentum without nesterov: there w_t depends on the gradient at "
            "w_{t-1} beside v_t, and w_{t-1} cannot be had from (v_t, w_t) alone"
        )


class Backtrack:
    """A run of momentum in fixed point, and back again.

    v, w        (p,) whole multiples of `unit`
    checksums   of s_0 and each √T-th state after it
    """

    def __init__(self, run: Run, largest: float):
        self.run, self.dynamics = run, run.dynamics
        if not largest > 0:
            raise ValueError(f"largest: expected a number > 0, found {largest}")
        self.largest, self.unit = largest, np.ldexp(largest, -BITS)
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
        """x as whole multiples of the unit."""
        self.require_inside(t, x)
        return np.rint(x / self.unit).astype(np.int64)

    def require_inside(self, t: int, x: Array) -> None:
        """Raise OverflowError where a number leaves the 62 bits."""
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
        """(κ h, μ) of step t, with h = ∇J_t + δ w at the present weights."""
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
        """(t, s_{t-1}) for t = T … 1, each as it was."""
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
