"""The implicit gradient of the limit, given in place of that of T steps."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.layout import Blocks
from hgref.run import Run
from hgref.verify.mistakes.computation import Computation, Wrongs
from hgref.verify.mistakes.mistake import Mistake

REGULAR = 1e8  # ‖x‖ ‖H‖ / ‖b‖ beyond which H is taken for singular
TINY = 1e-12  # relative: below it, conjugate gradients would divide rounding errors
Solve = Callable[[Array, Array], Array]
LARGEST_DENSE = 1000  # weights; the implicit gradient is not tried on larger problems
NEWTON = 15  # steps
GAUSS_NEWTON = 8
STEP = 1e-5  # of a difference, relative
MOST = 30  # iterations of a linear solve that was left early


class AtTheLimit:
    """∂E/∂λ − ∇E H⁻¹ M at s_T, for any approximation of H⁻¹; computed when first asked for.

    stands_still   at the minimum that training would reach, in place of s_T
    """

    def __init__(self, run: Run, stands_still: bool = False):
        self.run, self.stands_still = run, stands_still

    def minimum(self, w: Array) -> Array:
        """By Newton's method; ArithmeticError if it does not converge."""
        for _ in range(NEWTON):
            field = self.run.dynamics.J.at(self.run.T, w, self.run.lam)
            move = solved(field.jvp(np.eye(w.size), {}), field.value)
            w = w - move
            if np.linalg.norm(move) <= TINY * np.linalg.norm(w):
                return w
        raise ArithmeticError(f"expected a minimum after {NEWTON} steps of Newton's method")

    @functools.cached_property
    def system(self) -> tuple[Array, Array]:
        """(H, −∇E)."""
        run = self.run
        s = run.last_state()
        w = run.dynamics.weights(s)
        if self.stands_still:
            w = self.minimum(w)
            run.dynamics.weights(s)[:] = w
        row, self.direct = run.error_grad(run.T, s)
        self.training = run.dynamics.J.at(run.T, w, run.lam)
        return self.training.jvp(np.eye(w.size), {}), -run.dynamics.weights(row)

    def answer(self, solve: Solve, blocks: Blocks) -> Blocks:
        q = solve(*self.system)
        share = self.training.vjp(q)[1]
        return {n: 0 * b + share.get(n, 0) + self.direct.get(n, 0) for n, b in blocks.items()}


def at_the_limit(base: Computation) -> AtTheLimit:
    """Shared by all that have the same run."""
    return base.shared.of_run(AtTheLimit, base.run)


def can_be_solved(base: Computation) -> bool:
    return base.run.problem.p <= LARGEST_DENSE and bool(base.J.hyper(base.run.problem.p))


def implicit(base: Computation) -> Wrongs:
    """−∇E H⁻¹ M at s_T: the derivative of the minimum that training has not reached."""
    if can_be_solved(base):
        yield "", base.answering(functools.partial(at_the_limit(base).answer, solved))
        still = functools.partial(AtTheLimit(base.run, stands_still=True).answer, solved)
        yield "at the minimum", base.answering(still).changed(alone=True)


def implicit_early(base: Computation) -> Wrongs:
    """The same, with the linear solve stopped after K iterations; CG would need p."""
    if not can_be_solved(base):
        return
    limit = at_the_limit(base)
    yield from fitted(base, limit)
    yield "H = I", base.answering(functools.partial(limit.answer, lambda H, b: b))
    methods = {"conjugate gradients": conjugate_gradients, "Neumann": neumann}
    for method, iterates in methods.items():
        for K in range(1, MOST + 1):
            solve = functools.partial(iterate, iterates, K, last_rate(base))
            early = functools.partial(limit.answer, solve)
            alone = K not in (1, 2, 3, 5, 10)
            yield f"{method}, K = {K}", base.answering(early).changed(alone=alone)


def fitted(base: Computation, limit: AtTheLimit) -> Wrongs:
    """H + c I with any c, and Neumann's series with any step: the ones that fit the target.

    M has two columns at least: one number would be fitted by any other.
    """
    target = base.shared.target
    mixed = base.J.hyper(base.run.problem.p)
    if target is None or sum(np.size(target[n]) for n in mixed if n in target) < 2:
        return
    H, row = limit.system
    if not np.allclose(H, H.T):
        return
    curvatures, axes = np.linalg.eigh(H)
    zeros = base.run.layout.zeros(like=row)

    def off(spectrum: Array) -> Array:
        answer = limit.answer(by_spectrum(axes, spectrum), zeros)
        return np.concatenate([np.reshape(answer[n] - b, -1) for n, b in target.items()])

    for variant, inverse in FAMILIES.items():
        c = math.exp(nearest(lambda log_c: off(inverse(curvatures, math.exp(log_c)))))  # noqa: B023
        close = functools.partial(limit.answer, by_spectrum(axes, inverse(curvatures, c)))
        yield f"{variant} {c:.6g}", base.answering(close).changed(alone=True)


def by_spectrum(axes: Array, spectrum: Array) -> Solve:
    """b ↦ V diag(spectrum) Vᵀ b."""
    return lambda H, b: axes @ (spectrum * (axes.T @ b))


def series(K: int, curvatures: Array, step: float) -> Array:
    """step Σ_{k < K} (1 − step h)^k, of each curvature h."""
    ratio = 1 - step * curvatures
    return step * np.polyval(np.ones(K), ratio)


# name → (curvatures h, the free number) → what stands for 1/h
FAMILIES: dict[str, Callable[[Array, float], Array]] = {
    "H + c I, c =": lambda curvatures, c: 1 / (curvatures + c),
    **{
        f"Neumann, K = {K}, with a step of": functools.partial(series, K)
        for K in range(1, MOST + 1)
    },
}


def nearest(off: Callable[[float], Array]) -> float:
    """The x between log 1e-6 and log 1e3 at which off(x) is least: a grid, then Gauss-Newton."""
    grid = np.log(np.logspace(-6, 3, 14))
    x = float(grid[np.argmin([np.linalg.norm(off(x)) for x in grid])])
    for _ in range(GAUSS_NEWTON):
        slope = (off(x + STEP) - off(x - STEP)) / (2 * STEP)
        x -= float(np.clip(slope @ off(x) / (slope @ slope), -1, 1))
    return x


def last_rate(base: Computation) -> Array:
    eta = base.lam["eta"]
    return eta[-1] if eta.ndim else eta


def iterate(
    iterates: Callable[[Array, Array, Array], Iterator[Array]],
    K: int,
    eta: Any,
    H: Array,
    b: Array,
) -> Array:
    """The K-th; StopIteration if there are fewer."""
    return next(itertools.islice(iterates(H, b, eta), K - 1, None))


def solved(H: Array, b: Array) -> Array:
    if not (np.isfinite(H).all() and np.isfinite(b).all()):
        raise ArithmeticError("expected finite numbers")  # LAPACK would print its complaint
    try:
        x = np.linalg.solve(H.T, b)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(H.T, b, rcond=None)[0]
    regular = np.linalg.norm(x) * np.linalg.norm(H) < REGULAR * np.linalg.norm(b)
    return x if regular else np.linalg.lstsq(H.T, b, rcond=None)[0]


def conjugate_gradients(H: Array, b: Array, eta: Array) -> Iterator[Array]:
    """Textbook iterates from 0, until they have converged or the curvature vanishes."""
    x, r = 0 * b, b
    d = r
    for _ in range(b.size - 1):
        curved = d @ H @ d
        if r @ r <= TINY * (b @ b) or abs(curved) <= TINY * (d @ d) * np.linalg.norm(H):
            return
        step = (r @ r) / curved
        x, before = x + step * d, r
        r = r - step * (H @ d)
        d = r + (r @ r) / (before @ before) * d
        yield x


def neumann(H: Array, b: Array, eta: Array) -> Iterator[Array]:
    """η Σ_{k < K} (I − ηH)^k b, with the last learning rate."""
    term, total = eta * b, 0 * b
    while True:
        total, term = total + term, term - eta * (H @ term)
        yield total


IMPLICIT = [
    Mistake(
        "implicit-limit",
        "the implicit gradient was taken for that of T steps",
        "what training has not reached yet is counted as reached",
        "jaxopt's own test compares with the limit",
        implicit,
    ),
    Mistake(
        "implicit-not-converged",
        "the implicit gradient's linear system was left after a few iterations",
        "neither the gradient of T steps nor that of the limit",
        "betty, issue 15 and its cg_alpha",
        implicit_early,
    ),
]
