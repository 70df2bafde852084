"""Proven digits: the readable code, run on balls that contain the true numbers."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array
from hgref.hypergradient.forward import sensitivities
from hgref.hypergradient.reverse import reversed_run
from hgref.hypergradient.tape import taped
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.objective import Objective
from hgref.problem import Hypergradient, Problem
from hgref.run import Run
from hgref.verify.vectors.dual import Dual

BITS = 256
NOTHING = -40  # smaller powers of ten are written as 0: they are zero, or terms that cancel


class Trace(NamedTuple):
    """A run in ball arithmetic: the hypergradient and its intermediate values."""

    g: Hypergradient
    states: list[Array]  # s_0 … s_T, (d,) each
    alphas: list[Array]  # α_1 … α_T, (d,) each
    Zs: list[Array]  # Z_1 … Z_T, (d, m) each


def certified(problem: Problem, lam: Any, bits: int = BITS) -> Trace:
    """A training run and its hypergradient in ball arithmetic.

    problem  its float64 data, w0 and λ count as exact
    bits     precision of the midpoints
    returns  Trace of arrays of python-flint's `arb`: the true value of x lies within x.rad() of
             x.mid(), all rounding included
    Raises   ModuleNotFoundError without python-flint; ValueError if a number would be rounded
             before ball arithmetic begins: 1/n, where n is no power of two, or 1 − dampening
    Cost     about a thousand times `reverse`
    Exact    proven, if python-flint is right
    Source   Johansson 2017, Arb, IEEE Transactions on Computers 66
    """
    require_exact(problem)
    at = problem.at(lam)
    with precision(bits):
        run = run_on(problem, at, balls(problem.w0), balls(at.layout.flatten(at.theta)))
        g, states = reversed_run(run), list(run.states())
        s_T, back = taped(run, states[0], 1, run.T, run.T)
        alphas = [run.error_grad(run.T, s_T)[0]]
        for t, step in back:
            if t > 1:
                alphas.append(run.vjp(t, step, alphas[-1])[0])
        Zs = [Z for _, _, Z in sensitivities(run, run.layout)]
    return Trace(g, states, alphas[::-1], Zs)


def certified_hessian(problem: Problem, lam: Any, bits: int = BITS) -> Array:
    """∇²f(λ) in ball arithmetic: `reverse` on numbers with a derivative along each axis of λ.

    problem, lam, bits   as for `certified`
    Raises   as `certified`; Kink where f has no second derivatives: a gradient is exactly 0 under a
             root that ε does not keep above 0
    returns  (m, m) array of balls
    Cost     m times `certified`, twice
    Exact    proven, if python-flint and the rules of `Dual` are right
    """
    require_exact(problem)
    at = problem.at(lam)
    with precision(bits):
        w0 = duals(balls(problem.w0), [0] * problem.p)
        point, columns = balls(at.layout.flatten(at.theta)), []
        for e in np.eye(at.layout.size, dtype=int):
            run = run_on(problem, at, w0, duals(point, e.tolist()))
            columns.append([Dual.of(x).slope for x in reversed_run(run).grad])
        return np.array([balls_of(column) for column in columns])


def on_balls(function: Callable[..., Any], problem: Problem, lam: Any, bits: int = BITS) -> Any:
    """function(problem, λ) of the readable layer, in ball arithmetic."""
    require_exact(problem)
    at = problem.at(lam)
    with precision(bits):
        run = run_on(problem, at, balls(problem.w0), balls(at.layout.flatten(at.theta)))
        return function(run.problem, run.theta)


def run_on(problem: Problem, at: Run, w0: Array, point: Array) -> Run:
    """The run on numbers of another kind."""
    exact = copy.copy(problem)
    exact.w0 = w0
    return Run(exact, at.layout.split(point), at.layout)


def duals(values: Array, slopes: list[int]) -> Array:
    found = np.empty(len(slopes), dtype=object)
    found[:] = [Dual(x, slope) for x, slope in zip(values, slopes, strict=True)]
    return found


def balls_of(numbers: list[Any]) -> Array:
    """Balls, and integers among them, as balls."""
    flint, found = library(), np.empty(len(numbers), dtype=object)
    found[:] = [flint.arb(x) for x in numbers]
    return found


def library() -> Any:
    """The package flint."""
    try:
        import flint
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "ball arithmetic: expected the package python-flint, found none; "
            'python -m pip install "hgref[certify]"'
        ) from error
    return flint


@contextlib.contextmanager
def precision(bits: int) -> Iterator[None]:
    """A context in which the midpoints of balls have that many bits."""
    flint = library()
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def require_exact(problem: Problem) -> None:
    """Raise ValueError if a number would be rounded before ball arithmetic begins."""
    for part in (problem.dynamics.J, problem.E):
        require_exact_means(part)
    dampening = getattr(problem.dynamics, "dampening", 0.0)
    if Fraction(1.0 - dampening) != 1 - Fraction(dampening):
        raise ValueError(f"dampening: expected 1 - dampening to be a float64, found {dampening}")


def require_exact_means(part: Objective) -> None:
    for term in part.terms():
        if isinstance(term, DataLoss):
            n = term.features.B
            if math.frexp(n)[0] != 0.5:
                raise ValueError(f"examples: expected a power of two in each mean, found {n}")


def balls(numbers: Array) -> Array:
    """The same float64 numbers as balls of radius 0."""
    flint = library()
    flat = [flint.arb(float(x)) for x in np.asarray(numbers).reshape(-1)]
    array = np.empty(len(flat), dtype=object)
    array[:] = flat
    return array.reshape(np.shape(numbers))


def digits(ball: Any, count: int) -> str:
    """The ball as a decimal number with `count` proven digits (±1 in the last).

    returns  a decimal number; "0" if the number is proven to be smaller than 1e-40
    Raises   ValueError if the ball is too wide for so many digits
    """
    flint = library()
    with precision(BITS):
        ball = flint.arb(ball)
        if abs(ball) < flint.arb(10) ** NOTHING:
            return "0"
        text = ball.str(count, radius=False)
        place = flint.arb(10) ** (exponent(text) - count + 1)
        if not abs(flint.arb(text) - ball) < place:
            raise ValueError(f"expected {count} proven digits, found fewer in the interval {ball}")
        return text


def exponent(text: str) -> int:
    """The power of ten of the first digit of a decimal number."""
    mantissa, _, power = text.lower().partition("e")
    whole, _, fraction = mantissa.lstrip("-+").partition(".")
    shift = int(power or 0)
    if whole.strip("0"):
        return len(whole.lstrip("0")) - 1 + shift
    return -(len(fraction) - len(fraction.lstrip("0")) + 1) + shift
