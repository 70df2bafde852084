"""Which ways of the gradient a wrong candidate counts otherwise than once.

    ∇f(λ) = α_0 ds_0/dλ + Σ_t α_t B_t + ∂E/∂λ,   α_{t-1} = α_t A_t

is a sum over ways: each goes through a term of one hyperparameter at one step, then through blocks
of the states after it, and through H = ∇²J where the gradient of a step meets the weights. Where no
known mistake matches, the candidate is compared with ∇f in which one kind of way, at some of the
steps, counts 0, −1, ½, 2 or s times.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping

import numpy as np

from hgref.arguments import Array
from hgref.at import At
from hgref.hypergradient.reverse import add
from hgref.hypergradient.tape import fits
from hgref.layout import Blocks
from hgref.objectives.data_loss import DataLoss
from hgref.run import Run
from hgref.verify import chance
from hgref.verify.mistakes.computation import until_error
from hgref.verify.rounding import norm
from hgref.verify.trial import Trial
from hgref.verify.ways import SAID, Miscounted, Way

FACTORS = tuple(SAID)
WIDEST = 2**23  # numbers of Z and its tangents of λ
LARGEST = 1000  # whole number that counts as a factor with a reason
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
        windows = np.argwhere(np.tri(T, dtype=bool).T) + 1  # all first ≤ last
        each = [(f"terms of {n}", (n,), [j]) for j, n in enumerate(names)]
        for name, block, rows in [("terms", tuple(names), [*range(len(names))]), *each]:
            way, by_step = Way(name, names=block), self.terms[:, rows].sum(axis=1)
            yield from self.linear(way, np.array([[0, 0], [T + 1, T + 1]]), by_step[[0, -1]])
            sums = np.vstack([np.zeros(COLUMNS), np.cumsum(by_step[1:-1], axis=0)])
            yield from self.linear(way, windows, sums[windows[:, 1]] - sums[windows[:, 0] - 1])
        parts = {**self.run.dynamics.parts(self.run.problem.d), **layers(self.run)}
        through = [Way(name, part=part) for name, part in parts.items()]
        for way in [*through, Way("H", H=True), Way("g", H=True, M=True)]:
            yield from until_error(self.along_way(way))

    def along_way(self, way: Way) -> Iterator[Guess]:
        """Those of a way through the states; at a single step a factor is linear."""
        for factor in FACTORS:
            yield from self.fitting(way, *self.bent(way, factor), factor)
        run, steps = way.run(self.run, 0.0), range(1, self.T + 1)
        moved = [run.jvp(t, self.step(run, t), self.Z[t - 1], self.dlam) for t in steps]
        lost = [
            self.alphas[t] @ (self.Z[t] - way.through(Z, 0.0))
            for t, Z in zip(steps, moved, strict=True)
        ]
        yield from self.linear(way, np.stack([steps, steps], axis=1), np.array(lost))

    def bent(self, way: Way, factor: float) -> tuple[Array, Array]:
        """(windows (…, 2), what ∇f changes if the way counts so in their steps (…, 1)).

        Along the first direction; all that begin at one step are one column of Z.
        """
        run, first = way.run(self.run, factor), self.first_steps()
        Z, windows, change = self.Z[0][:, :0], [], []
        for t in range(1, self.T + 1):
            if t in first:
                Z = np.hstack([Z, self.Z[t - 1][:, :1]])
            dlam = {n: np.repeat(d[..., :1], Z.shape[1], axis=-1) for n, d in self.dlam.items()}
            Z = way.through(run.jvp(t, self.step(run, t), Z, dlam), factor)
            windows += [(begin, t) for begin in first[: Z.shape[1]]]
            change.append(self.alphas[t] @ (Z - self.Z[t][:, :1]))
        return np.array(windows), np.concatenate(change)[:, None]

    def first_steps(self) -> list[int]:
        """Where windows begin: at every step, or at some where Z would become too wide."""
        m = sum(d.size for d in self.dlam.values())
        many = int(np.clip(WIDEST // (self.run.problem.d + m), 1, self.T))
        return sorted({1 + j * self.T // many for j in range(many)})

    def linear(self, way: Way, windows: Array, share: Array) -> Iterator[Guess]:
        """Guesses for a share (windows, COLUMNS) of the gradient that a factor multiplies."""
        for factor in FACTORS:
            yield from self.fitting(way, windows, (factor - 1) * share, factor)
        square = np.sum(share**2, axis=1)
        s = 1 + share @ self.change / np.where(square > 0, square, 1)
        known = np.isclose(s[:, None], (1.0, *FACTORS), rtol=1e-3, atol=1e-3).any(axis=1)
        fits = (s - 1)[:, None] * share
        off = np.abs(fits - self.change).max(axis=1)
        self.tried += len(windows)
        for j in np.flatnonzero((off <= self.near) & ~known):
            first, last = map(int, windows[j])
            yield way, first, last, self.simplest(float(s[j]))

    def fitting(self, way: Way, windows: Array, change: Array, factor: float) -> Iterator[Guess]:
        self.tried += len(windows)
        off = np.abs(change - self.change[: change.shape[1]]).max(axis=1)
        for j in np.flatnonzero(off <= self.near):
            first, last = map(int, windows[j])
            yield way, first, last, factor

    @property
    def near(self) -> float:
        return 4.0 * len(self.allowed)  # a normal number is below 4

    def simplest(self, s: float, near: float = 0.0) -> float:
        """A whole number, one over it, a hyperparameter or one over that, if s is so near to it."""
        for factor in (*FACTORS, *self.simple):
            if math.isclose(s, factor, rel_tol=1e-9, abs_tol=near):
                return float(factor)
        return s

    @functools.cached_property
    def simple(self) -> Array:
        """Factors that have a reason."""
        rates = [float(x) for x in self.run.lam.values() if np.ndim(x) == 0 and x != 0]
        each = np.array([*range(1, LARGEST + 1), *rates])
        each = np.concatenate([each, 1 / each])
        return np.concatenate([each, -each])

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

    def accident(
        self,
        factor: float,
        tried: int,
        given: Blocks,
        true: Blocks,
        allowed: Mapping[str, float],
    ) -> float:
        """The chance that one of so many guesses with a factor like this one fits."""
        known = factor in FACTORS
        reason = not known and bool(np.any(self.simple == factor))
        tried *= len(self.simple) if reason else 1
        return chance.of_a_fit(tried, given, true, allowed, int(not known and not reason))

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
    Cost     about forty runs forward, of T columns, and back
    Beware   different ways may carry the same: then each of them is told
    """
    with np.errstate(all="ignore"):
        search = Search(trial, slack)
        found = list(some_entries(search))
        guesses = sorted(search.guesses(), key=lambda guess: simplicity(guess, search.T))
        whole = search.given.blocks, search.g.blocks, search.allowed
        for guess in guesses[: 10 * TOLD]:
            beyond = search.accident(guess[3], search.tried, *whole) <= chance.LARGEST
            if beyond and len(found) < TOLD and not told(guess, found):
                path = search.proven(guess)
                found += [path] if path else []
    return tuple(found)


def some_entries(search: Search) -> Iterator[Miscounted]:
    """If all is right but some entries of one block, which all count the same factor.

    One entry fits some factor, always: it must be one with a reason.
    """
    given, g, allowed = search.given.blocks, search.g, search.allowed
    wrong = [n for n in allowed if norm(given[n] - g[n]) > allowed[n]]
    for name in wrong if len(wrong) == 1 else []:
        off = np.abs(given[name] - g[name]) > allowed[name]
        if not 0 < off.sum() <= off.size / 2:
            continue
        some, true, near = given[name][off], g[name][off], allowed[name]
        factor = search.simplest(float(np.median(some / true)), near / (norm(true) or 1.0))
        exact = np.where(off, factor * g[name], g[name])
        one = {name: some}, {name: true}, {name: near}
        accident = search.accident(factor, len(FACTORS), *one)
        if accident <= chance.LARGEST and norm(given[name] - exact) <= near:
            entries = ", ".join(str(tuple(map(int, j)))[1:-1].rstrip(",") for j in np.argwhere(off))
            error = norm(given[name] - exact) / norm(exact)
            yield Miscounted(f"terms of {name}[{entries}]", 1, search.T, factor, search.T, error)


def layers(run: Run) -> dict[str, slice]:
    """name → where each matrix and each vector of biases stands in the state."""
    models = [term for term in run.dynamics.J.terms() if isinstance(term, DataLoss)]
    if not models:
        return {}
    p, d = run.problem.p, run.problem.d
    where, found = np.arange(d - p, d), {}
    each = models[0].layers(where)
    for j, (W, b) in enumerate(each, 1):
        number = j if len(each) > 1 else ""
        whole = np.concatenate([W.reshape(-1), b])
        for name, part in ((f"W{number}", W), (f"b{number}", b), (f"layer {j}", whole)):
            if 0 < np.size(part) < p:
                found[f"{name} of w"] = slice(int(np.min(part)), int(np.max(part)) + 1)
    return found


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


def size_of(shape: tuple[int, ...]) -> int:
    return max(math.prod(shape), 1)
