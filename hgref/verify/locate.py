"""Where states, multipliers, sensitivities or the gradient made of them first leave the truth."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array, require_shape
from hgref.hypergradient.reverse import add
from hgref.problem import Problem
from hgref.run import Run
from hgref.verify.arithmetic import FLOAT64, Arithmetic, at_random, plain
from hgref.verify.candidate import Candidate, Numbers, read_candidate
from hgref.verify.rounding import erring_run

RUNS = 4  # of an arithmetic that errs, at each step
# times the largest of their errors is a mistake: a normal error is that large with chance 1e-12,
# and there are many numbers in a trace
FACTOR = 1000


@dataclass(frozen=True)
class Located:
    """The first number of a trace that its own predecessor does not explain.

    trace       "states", "Z", "alphas" or "grad"; None if nothing is off
    t           step;  block, coordinate: of the state, or of λ for "grad"
    column      of Z, as (block of λ, index in it); else None
    cause       "the start", "the step", "A_t", "B_t" or "∇E"; for "grad" the sum that it is not
    found, expected   the two numbers
    """

    trace: str | None = None
    t: int = 0
    block: str = ""
    coordinate: int = 0
    column: tuple[str, int] | None = None
    cause: str = ""
    found: float = np.nan
    expected: float = np.nan

    def __bool__(self) -> bool:
        return self.trace is not None

    def __str__(self) -> str:
        if self.trace is None:
            return "every step of the traces follows from the one before"
        if self.trace == "grad":
            return (
                f"the traces are right, but the gradient is not {self.cause} in "
                f"{self.block}[{self.coordinate}]: {self.found:.8g} for {self.expected:.8g}"
            )
        where = f"{self.block}[{self.coordinate}]"
        if self.column is not None:
            where += f", column {self.column[0]}[{self.column[1]}],"
        name = {"states": "s", "Z": "Z", "alphas": "alpha"}[self.trace]
        return (
            f"{name}_{self.t} is off in {where} by {self.cause}: "
            f"{self.found:.8g} for {self.expected:.8g}"
        )


def locate(
    problem: Problem,
    lam: Any,
    states: Any = None,
    alphas: Any = None,
    Z: Any = None,
    grad: Any = None,
) -> Located:
    """The first step, block and coordinate at which a trace is wrong, and what did it.

        s_t = Φ_t(s_{t-1}),   Z_t = A_t Z_{t-1} + B_t,   α_{t-1} = α_t A_t,   α_T = ∇E(s_T)
        ∇f = ∂E/∂λ + Σ_t α_t B_t + α_0 ∂s_0/∂λ,   or   ∂E/∂λ + ∇E Z_T

    Each row is compared with what hgref makes of the row before, so that the first mistake alone is
    told, and not what follows from it. States are looked at first, then Z, then α from T down, and
    then the gradient, beside the sum over the given α, or the product with the given Z_T.

    lam      (m,) the point λ, or a mapping of names
    states   (T+1, d) s_0 … s_T, or (T, d) without s_0; A_t, B_t and ∇E are then taken at them
    alphas   (T+1, d) α_0 … α_T, or (T, d) without α_0, as `reverse(trace=True)` returns them
    Z        (T+1, d, m) Z_0 … Z_T, or (T, d, m) without Z_0, as `forward(trace=True)`
    grad     the gradient, or some of its blocks, as `check` takes it
    returns  Located: .trace, .t, .block, .coordinate, .column, .cause; false if nothing is off
    Raises   ValueError, TypeError naming the trace, what was expected and what was found
    Cost     four steps for each step of a trace, each with its product; with grad twice as many
    Exact    what rounding may do in the trace's own type, at that step, is no mistake
    Beware   in a step where both A_t Z_{t-1} and B_t matter, an error of some columns alone is put
             down to B_t, and one of all columns to A_t
    Source   eq. (8), (9), (14)

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.Momentum(J), J, T=4)
        >>> lam = problem.pack(eta=0.1, mu=0.9)
        >>> alphas = hgref.reverse(problem, lam, trace=True).trace.copy()
        >>> alphas[:3] *= 0.5  # α_2 is not α_3 A_3
        >>> print(hgref.locate(problem, lam, alphas=alphas))
        alpha_2 is off in w[0] by A_t: -0.081648 for -0.163296
    """
    run, T, d = problem.at(lam), problem.T, problem.d
    if states is None and alphas is None and Z is None:
        raise ValueError("locate: expected states, alphas or Z, found none of them")
    shapes = {"states": (d,), "Z": (d, run.layout.size), "alphas": (d,)}
    given = {
        name: Trace.read(name, trace, T, shapes[name])
        for name, trace in (("states", states), ("Z", Z), ("alphas", alphas))
        if trace is not None
    }
    at = given["states"].rows if "states" in given else np.array(list(run.states()))
    if "states" in given and given["states"].first:
        at[0] = run.start()
    walks = {"states": of_states, "Z": of_Z, "alphas": of_alphas}
    rows: Iterator[tuple[str, Row]] = (
        (name, one)
        for name, trace in given.items()
        for one in walks[name](Local(run, trace.roundoff), trace, at)
    )
    if grad is not None:
        rows = itertools.chain(rows, of_grad(run, read_candidate(grad, run.layout), given, at))
    with np.errstate(all="ignore"):
        return next(filter(None, (off(run, name, one) for name, one in rows)), Located())


class Trace(NamedTuple):
    """Rows 0 … T of a trace, the first that was given, and the unit roundoff of their type."""

    rows: Array
    first: int
    roundoff: float

    @classmethod
    def read(cls, name: str, trace: Any, T: int, shape: tuple[int, ...]) -> Trace:
        if isinstance(trace, (list, tuple)):  # of rows, which may be tensors
            each = [Numbers.read(name, row) for row in trace]
            rows = np.array([one.values for one in each])
            roundoff = max((one.roundoff for one in each), default=FLOAT64)
        else:
            rows, roundoff, _ = Numbers.read(name, trace)
        short = np.ndim(rows) > 0 and len(rows) == T
        require_shape(name, rows.shape, (T if short else T + 1, *shape))
        if short:
            rows = np.concatenate([np.full((1, *shape), np.nan), rows])
        return cls(np.array(rows), int(short), roundoff)


class Local:
    """What hgref makes of a row, and what rounding may do to that."""

    def __init__(self, run: Run, roundoff: float):
        self.run, self.roundoff = run, roundoff
        each = [Arithmetic(at_random(roundoff, seed)) for seed in range(RUNS)]
        self.others = [(arithmetic, erring_run(run, arithmetic)) for arithmetic in each]

    def __call__(self, function: Callable[..., Array], *given: Array) -> tuple[Array, Array]:
        """(the result, how far from it is no mistake), of function(run, …)."""
        expected = np.array(function(self.run, *given), dtype=float)
        spread = FACTOR / RUNS * self.roundoff * np.abs(expected)
        for arithmetic, run in self.others:
            found = plain(function(run, *map(arithmetic, given)))
            spread = np.maximum(spread, FACTOR * np.abs(found - expected))
        return expected, spread


class Row(NamedTuple):
    """A row of a trace beside what it should be.

    before   of Z: Z_{t-1}, which A_t multiplies
    """

    t: int
    cause: str
    found: Array
    expected: Array
    allowed: Array
    before: Array | None = None


def of_states(local: Local, trace: Trace, at: Array) -> Iterator[Row]:
    rows = trace.rows
    yield Row(0, "the start", at[0], *local(lambda run: run.start()))
    for t in range(1, len(rows)):
        yield Row(t, "the step", rows[t], *local(lambda run, s, t=t: run.at(t, s).value, at[t - 1]))


def of_Z(local: Local, trace: Trace, at: Array) -> Iterator[Row]:
    run, rows, m = local.run, trace.rows, trace.rows.shape[2]
    identity = run.layout.identity()
    first, dlam = run.start_jvp(identity, m), run.push(identity)
    if trace.first:
        rows[0] = first
    yield Row(0, "the start", rows[0], first, FACTOR * local.roundoff * np.abs(first))
    for t in range(1, len(rows)):
        made = local(lambda run, s, Z, t=t: run.at(t, s).jvp(Z, dlam), at[t - 1], rows[t - 1])
        yield Row(t, "A_t", rows[t], *made, before=rows[t - 1])


def of_alphas(local: Local, trace: Trace, at: Array) -> Iterator[Row]:
    rows, T = trace.rows, len(trace.rows) - 1
    yield Row(T, "∇E", rows[T], *local(lambda run, s: run.error_grad(T, s)[0], at[T]))
    for t in range(T, trace.first, -1):
        made = local(lambda run, s, a, t=t: run.at(t, s).vjp(a)[0], at[t - 1], rows[t])
        yield Row(t - 1, "A_t", rows[t - 1], *made)


def of_grad(
    run: Run, grad: Candidate, given: dict[str, Trace], at: Array
) -> Iterator[tuple[str, Row]]:
    """The gradient beside what the given α, or the given Z_T, make of it."""
    local = Local(run, max(grad.roundoff, *(trace.roundoff for trace in given.values())))
    if "Z" in given and "alphas" not in given:
        cause, made = "∂E/∂λ + ∇E Z_T", local(multiplied, at[-1], given["Z"].rows[-1])
    else:
        alphas = [given["alphas"].rows] if "alphas" in given else []
        cause, made = "∂E/∂λ + Σ_t α_t B_t", local(summed, at, *alphas)
    expected, allowed = made
    blocks = run.layout.split(expected) | grad.blocks
    found = np.concatenate([np.ravel(blocks[name]) for name in run.layout.shapes])
    yield "grad", Row(0, cause, found, expected, allowed)


def multiplied(run: Run, s_T: Array, Z_T: Array) -> Array:
    """∂E/∂λ + ∇E Z_T."""
    row, direct = run.error_grad(run.T, s_T)
    grad = run.layout.zeros(like=row)
    add(grad, direct)
    add(grad, run.layout.split(row @ Z_T))
    return run.layout.flatten(grad)


def summed(run: Run, at: Array, alphas: Array | None = None) -> Array:
    """∂E/∂λ + Σ_t α_t B_t + α_0 ∂s_0/∂λ; without α, of those that belong to the states."""
    alpha, direct = run.error_grad(run.T, at[-1])
    grad = run.layout.zeros(like=alpha)
    add(grad, direct)
    for t in range(run.T, 0, -1):
        alpha, share = run.vjp(t, run.at(t, at[t - 1]), alpha if alphas is None else alphas[t])
        add(grad, share)
    add(grad, run.start_vjp(alpha))
    return run.layout.flatten(grad)


def off(run: Run, trace: str, one: Row) -> Located:
    """The number of a row that is most off, if one is; NaN is off."""
    excess = np.abs(one.found - one.expected) / (one.allowed + np.finfo(float).tiny)
    excess = np.where(np.isnan(excess), np.inf, excess)
    if not (excess > 1).any():
        return Located()
    place = np.unravel_index(np.argmax(excess), excess.shape)
    block, coordinate = entry(run, trace, int(place[0]))
    cause, column = one.cause, None
    if len(place) > 1:
        column = run.layout.place(int(place[1]))
        if one.before is not None and explained_by_B(excess > 1, one.before):
            cause = "B_t"
    return Located(
        trace, one.t, block, coordinate, column, cause,
        float(one.found[place]), float(one.expected[place]),
    )  # fmt: skip


def entry(run: Run, trace: str, index: int) -> tuple[str, int]:
    """(block, index in it) of an entry of a state, or of the gradient."""
    if trace == "grad":
        return run.layout.place(index)
    return next(
        (name, index - part.start)
        for name, part in run.dynamics.parts(run.problem.d).items()
        if part.start <= index < part.stop
    )


def explained_by_B(wrong: Array, before: Array) -> bool:
    """Whether columns of Z_t are off that A_t does not reach, or not all that it reaches."""
    columns, reached = wrong.any(axis=0), before.any(axis=0)
    return bool((columns & ~reached).any() or (reached & ~columns).any())
