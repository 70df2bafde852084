"""Which ways of the gradient a wrong candidate counts otherwise than once.

    ∇f(λ) = α_0 ds_0/dλ + Σ_t α_t B_t + ∂E/∂λ,   α_{t-1} = α_t A_t

is a sum over ways: each goes through a term of one hyperparameter at one step, then through blocks
of the states after it, and through H = ∇²J where the gradient of a step meets the weights. Where no
known mistake matches, the candidate is compared with ∇f in which one kind of way, at some of the
steps, counts 0, −1, ½, 2 or s times.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.at import At
from hgref.hypergradient.reverse import add
from hgref.hypergradient.tape import fits
from hgref.layout import Blocks
from hgref.run import Run
from hgref.verify import chance
from hgref.verify.mistakes.computation import until_error
from hgref.verify.rounding import norm
from hgref.verify.trial import Trial
from hgref.verify.ways import SAID, Miscounted, Way

FACTORS = tuple(SAID)
COLUMNS = 2  # random directions, along which all windows of steps are tried at once
TOLD = 3  # ways that are told, the simplest first

Guess = tuple[Way, int, int, float]  # a way, its first and last step, how often it counts


class Search:
    """All ways of a run, compared with a candidate along a few random directions.

    allowed   name → absolute tolerance of a block
    change    (COLUMNS,) candidate − ∇f along the directions, which are in units of the tolerance
    tried     how many guesses were compared
    """

    def __init__(self, trial: Trial, slack: float):
        self.run, self.given, self.g, self.T = trial.run, trial.given, trial.g, trial.run.T
        self.allowed = {n: max(slack * trial.allowed[n], chance.TINY) for n in self.given.names}
        self.tried, rng = 0, np.random.default_rng(0)
        shapes = {n: np.shape(self.g[n]) for n in self.given.names}
        self.dlam = {
            n: rng.standard_normal((*shape, COLUMNS))
            / (self.allowed[n] * math.sqrt(size_of(shape)))
            for n, shape in shapes.items()
        }
        off = {n: self.given.blocks[n] - self.g[n] for n in shapes}
        self.change = self.along(off).sum(axis=0)
        self.follow()

    def along(self, blocks: Blocks) -> Array:
        """(names, COLUMNS): each block along the directions."""
        rows = [
            np.tensordot(blocks[n], dlam, axes=np.ndim(blocks[n]))
            if n in blocks
            else np.zeros(COLUMNS)
            for n, dlam in self.dlam.items()
        ]
        return np.array(rows)

    def follow(self) -> None:
        """The true run: its states, Z_t along the directions, α_t and the terms."""
        run, T = self.run, self.T
        self.states, self.Z = [run.start()], [run.start_jvp(self.dlam, COLUMNS)]
        self.kept: dict[int, At] = {}
        for t in range(1, T + 1):
            step = run.at(t, self.states[-1])
            if fits(run.problem, T):
                self.kept[t] = step
            self.Z.append(run.jvp(t, step, self.Z[-1], self.dlam))
            self.states.append(step.value)
        alpha, direct = run.error_grad(T, self.states[T])
        self.alphas, terms = [alpha], [self.along(direct)]
        for t in range(T, 0, -1):
            alpha, share = run.vjp(t, self.step(run, t), alpha)
            self.alphas.append(alpha)
            terms.append(self.along(share))
        terms.append(self.along(run.start_vjp(alpha)))
        self.alphas.reverse()
        self.terms = np.array(terms[::-1])  # (T + 2, names, COLUMNS)

    def step(self, run: Run, t: int) -> At:
        """Step t of a run linearised: of the true one it is kept, if all of them fit on a tape."""
        if run is self.run and t in self.kept:
            return self.kept[t]
        return run.at(t, self.states[t - 1])

    # --- what each guess changes, along the directions ---

    def guesses(self) -> Iterator[Guess]:
        """Those that fit along the directions, the simplest kinds first."""
        names, T = self.given.names, self.T
        each = [(f"terms of {n}", (n,), [j]) for j, n in enumerate(names)]
        for name, block, rows in [("terms", tuple(names), [*range(len(names))]), *each]:
            way, by_step = Way(name, names=block), self.terms[:, rows].sum(axis=1)
            steps = by_step[1:-1]
            yield from self.linear(way, [(0, 0), (T + 1, T + 1)], by_step[[0, -1]])
            yield from self.linear(way, to_here(T), np.cumsum(steps, axis=0))
            yield from self.linear(way, from_here(T), np.cumsum(steps[::-1], axis=0)[::-1])
            yield from self.linear(way, here(T), steps)
        parts = self.run.dynamics.parts(self.run.problem.d)
        for way in [*(Way(name, part=part) for name, part in parts.items()), Way("H", H=True)]:
            yield from until_error(self.along_way(way))

    def along_way(self, way: Way) -> Iterator[Guess]:
        """Those of a way through the states."""
        T = self.T
        yield from self.linear(way, here(T), self.at_one_step(way))
        for factor in FACTORS:
            yield from self.fitting(way, to_here(T), self.until(way, factor), factor)
            yield from self.fitting(way, from_here(T), self.since(way, factor), factor)

    def linear(self, way: Way, windows: list[tuple[int, int]], share: Array) -> Iterator[Guess]:
        """Guesses for a share (windows, COLUMNS) of the gradient that a factor multiplies."""
        for factor in FACTORS:
            yield from self.fitting(way, windows, (factor - 1) * share, factor)
        square = np.sum(share**2, axis=1)
        free = share @ self.change / np.where(square > 0, square, 1)
        for window, row, s in zip(windows, share, 1 + free, strict=True):
            if not np.isclose(s, (1, *FACTORS), rtol=1e-3, atol=1e-3).any():
                yield from self.fitting(way, [window], (s - 1) * row[None], float(s))

    def fitting(
        self, way: Way, windows: list[tuple[int, int]], change: Array, factor: float
    ) -> Iterator[Guess]:
        self.tried += len(windows)
        off = np.abs(change - self.change).max(axis=1)
        for j in np.flatnonzero(off <= 4 * len(self.allowed)):  # a normal number is below 4
            yield way, *windows[j], factor

    def at_one_step(self, way: Way) -> Array:
        """What the way at step t alone carries, (T, COLUMNS)."""
        return -self.stepwise(way, 0.0, lambda t, Z: self.Z[t - 1])

    def until(self, way: Way, factor: float) -> Array:
        """The change if the way is counted so in steps 1 … t."""
        return self.stepwise(way, factor, lambda t, Z: Z)

    def stepwise(self, way: Way, factor: float, before: Any) -> Array:
        run, Z, found = way.run(self.run, factor), self.Z[0], []
        for t in range(1, self.T + 1):
            Z = run.jvp(t, self.step(run, t), before(t, Z), self.dlam)
            Z = way.through(Z, factor)
            found.append(self.alphas[t] @ (Z - self.Z[t]))
        return np.array(found)

    def since(self, way: Way, factor: float) -> Array:
        """The change if the way is counted so in steps t … T."""
        run, alpha, found, sum_of = way.run(self.run, factor), self.alphas[-1], [], 0.0
        for t in range(self.T, 0, -1):
            alpha, share = run.vjp(t, self.step(run, t), way.through(alpha, factor))
            sum_of = sum_of + (self.along(share) - self.terms[t]).sum(axis=0)
            found.append(sum_of + (alpha - self.alphas[t - 1]) @ self.Z[t - 1])
        return np.array(found[::-1])

    # --- the proof ---

    def gradient(self, way: Way, first: int, last: int, factor: float) -> Blocks:
        """∇f with the way counted `factor` times in steps first … last."""
        run, T, bent = self.run, self.T, way.run(self.run, factor)

        def told(t: int, share: Blocks) -> Blocks:
            return way.share(share, factor) if first <= t <= last else share

        alpha, direct = run.error_grad(T, self.states[T])
        total = run.layout.zeros(like=alpha)
        add(total, told(T + 1, direct))
        for t in range(T, 0, -1):
            inside = first <= t <= last
            alpha = way.through(alpha, factor) if inside else alpha
            step_run = bent if inside else run
            alpha, share = step_run.vjp(t, self.step(step_run, t), alpha)
            add(total, told(t, share))
        add(total, told(0, run.start_vjp(alpha)))
        return total

    def proven(self, guess: Guess) -> Miscounted | None:
        """The guess, if each block of its gradient is the candidate's."""
        way, first, last, factor = guess
        blocks, error = self.gradient(way, first, last, factor), 0.0
        for name in self.given.names:
            off, size = norm(self.given.blocks[name] - blocks[name]), norm(blocks[name])
            if not off <= self.allowed[name] * max(1.0, size / (norm(self.g[name]) or 1.0)):
                return None
            error = max(error, off / (size or 1.0))
        return Miscounted(way.name, first, last, factor, self.T, error)


def paths(trial: Trial, slack: float) -> tuple[Miscounted, ...]:
    """The ways that a wrong candidate counts otherwise than once, the simplest first.

    trial    a candidate that is wrong
    slack    tolerances within which gradients count as equal
    returns  at most TOLD, each exact to rounding and beyond chance; () if there is none
    Cost     about forty runs, forward and back
    Beware   different ways may carry the same: then each of them is told
    """
    with np.errstate(all="ignore"):
        search = Search(trial, slack)
        guesses = sorted(search.guesses(), key=lambda guess: simplicity(guess, search.T))
        found: list[Miscounted] = []
        for guess in guesses[: 10 * TOLD]:
            free = int(guess[3] not in FACTORS)
            accident = chance.of_a_fit(
                search.tried, trial.given.blocks, trial.g.blocks, search.allowed, free
            )
            if accident <= chance.LARGEST and len(found) < TOLD and not told(guess, found):
                path = search.proven(guess)
                found += [path] if path else []
    return tuple(found)


def told(guess: Guess, found: list[Miscounted]) -> bool:
    """Whether the same was found, or the terms of one hyperparameter among those of all."""
    way, first, last, factor = guess
    same = {way.name, "terms"} if way.names else {way.name}
    return any(
        path.way in same
        and (path.first, path.last) == (first, last)
        and math.isclose(path.factor, factor, rel_tol=1e-6)
        for path in found
    )


def simplicity(guess: Guess, T: int) -> tuple[int, int]:
    """Smaller for a factor from the list, and for all steps, or steps up to an end of the run."""
    _, first, last, factor = guess
    window = 0 if (first, last) == (1, T) else 1 if first <= 1 or last >= T else 2
    return int(factor not in FACTORS), window


def to_here(T: int) -> list[tuple[int, int]]:
    return [(1, t) for t in range(1, T + 1)]


def from_here(T: int) -> list[tuple[int, int]]:
    return [(t, T) for t in range(1, T + 1)]


def here(T: int) -> list[tuple[int, int]]:
    return [(t, t) for t in range(1, T + 1)]


def size_of(shape: tuple[int, ...]) -> int:
    return max(math.prod(shape), 1)
