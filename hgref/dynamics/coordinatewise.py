"""Dynamics that update each weight on its own: step, jvp and vjp made from a law."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.at import At, as_columns, as_row, as_state
from hgref.dynamics.dynamics import Dynamics, Numbers
from hgref.layout import Blocks


class Law:
    """The update of one weight and its derivatives: three functions; parameters' names tell all.

        step(v, w, g, eta, …)              the new state: a number, or a tuple of its blocks
        jvp(…, dv, dw, dg, deta, …)        its tangent; dx is the tangent of step's parameter x
        vjp(…, b_v, b_w)                   takes b_x, the cotangent of block x of the new state;
                                           returns a cotangent for each tangent that jvp takes,
                                           in the same order

    functions  step, jvp, vjp. jvp and vjp may also take any parameter of step, by the same name
    tangents   names x of the tangents dx that the jvp takes
    Cost       that of the functions, which NumPy broadcasts over all weights
    Beware     use + − × ÷ and powers, and no `if`, `abs` or `max` on data: a law also runs on
               complex numbers. jvp must take dg and dx for each block x of the state; a parameter
               of step for which it takes no tangent is a constant
    Source     Franceschi et al. 2017, eq. (11), for one coordinate

    Example
        >>> hgref.Law(hgref.laws.gd_step, hgref.laws.gd_jvp, hgref.laws.gd_vjp).tangents
        ['w', 'g', 'eta']
    """

    def __init__(self, *functions: Callable[..., Any]):
        if len(functions) != 3:
            raise TypeError(f"Law: expected step, jvp and vjp, found {len(functions)} functions")
        self.functions = {f: tuple(inspect.signature(f).parameters) for f in functions}
        self.step, self.jvp, self.vjp = functions
        known = self.functions[self.step]
        wanted = self.functions[self.jvp]
        self.tangents = [name[1:] for name in wanted if name[0] == "d" and name[1:] in known]

    def __call__(self, function: Callable[..., Any], of: Mapping[str, Any]) -> tuple[Any, ...]:
        """Call one of the three with arguments taken from a mapping of names; returns a tuple."""
        found = function(*(of[name] for name in self.functions[function]))
        return found if isinstance(found, tuple) else (found,)


class Coordinatewise(Dynamics):
    """Dynamics that update each weight on its own, given g = ∇J_t(w_{t-1}), by a law.

        (…, w)_t = law.step(…, w, g, numbers)      numbers: the law's other parameters

    A subclass defines law and names; the others have defaults:

    law      Law(step, jvp, vjp). The parameters of step are the blocks of `state`, `g` and the
             numbers of the law
    names    the names of the hyperparameters; each is a number, a schedule (T,), or what `over`
             says: see Dynamics
    state    names of the blocks of the state, w last; default ("w",)
    rates    maps each number of the law to the hyperparameter that supplies it, or to None, which
             makes it 0; default: each hyperparameter supplies the number of its name
    numbers, numbers_jvp, numbers_vjp   override these if the law needs numbers computed from t and
             the hyperparameters, such as Adam's c1: they return the numbers, their tangents, and
             the cotangents of the hyperparameters, and must broadcast: a hyperparameter may have
             a number for each weight. For a constant, override only `numbers`
    below_one, positive   see Dynamics
    Cost     that of J.at and its products plus O(p)
    Source   Franceschi et al. 2017, eq. (11), factored through g

    Example
        >>> class Descent(hgref.Coordinatewise):
        ...     names = ("rate",)
        ...     law = hgref.Law(
        ...         lambda w, g, rate: w - rate * g,
        ...         lambda g, rate, dw, dg, drate: dw - rate * dg - g * drate,
        ...         lambda g, rate, b_w: (b_w, -rate * b_w, -g * b_w))
        >>> J = hgref.objectives.Quadratic(np.eye(1), [0.0])
        >>> hgref.reverse(hgref.Problem(Descent(J), J, 1, [1.0]), [0.5]).grad.tolist()
        [-0.5]
    """

    law: Law

    @property
    def rates(self) -> dict[str, str | None]:
        return {name: name for name in self.names}

    def numbers(self, t: int, rates: Numbers) -> Numbers:
        """The numbers of the law at step t, from the values of the hyperparameters there."""
        return {n: 0.0 if name is None else rates[name] for n, name in self.rates.items()}

    def numbers_jvp(self, t: int, rates: Numbers, drates: Numbers) -> Numbers:
        """Their tangents, from `drates`: the tangents of all hyperparameters, (k,), (p, k) or 0."""
        return {n: 0.0 if name is None else drates[name] for n, name in self.rates.items()}

    def numbers_vjp(self, t: int, rates: Numbers, b: Numbers) -> Numbers:
        """The cotangents of the hyperparameters, from those of the law's numbers."""
        return {name: b.get(n, 0.0) for n, name in self.rates.items() if name is not None}

    def step(self, t: int, s: Array, lam: Blocks) -> Array:
        """The value of `at`: a framework's gradient alone costs less than its products."""
        blocks = self.split(s)
        g = as_state("grad", self.J, self.J.grad(t, blocks[-1], lam), blocks.shape[1])
        numbers = self.numbers(t, self.rates_at(t, lam))
        each = dict(zip(self.state, blocks, strict=True), g=g, **numbers)
        return np.concatenate(self.law(self.law.step, each))

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        blocks, law = self.split(s), self.law
        rates = self.rates_at(t, lam)
        field = self.J.at(t, blocks[-1], lam)
        g = as_state("grad", self.J, field.value, blocks.shape[1])
        each = dict(zip(self.state, blocks, strict=True), g=g)
        numbers = self.numbers(t, rates)

        def jvp(ds: Array, dlam: Blocks) -> Array:
            moving = self.split(ds)
            dg = as_columns(self.J, field.jvp(moving[-1], dlam), moving[-1])
            tangents = dict(zip(self.state, moving, strict=True), g=dg)
            drates = self.rates_jvp(t, lam, dlam)
            tangents |= self.numbers_jvp(t, as_column(rates), drates)
            tangents = {f"d{name}": tangents[name] for name in law.tangents}
            return np.concatenate(law(law.jvp, {**as_column({**each, **numbers}), **tangents}))

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            back = {f"b_{n}": row for n, row in zip(self.state, self.split(alpha), strict=True)}
            b = dict(zip(law.tangents, law(law.vjp, {**each, **numbers, **back}), strict=True))
            uH, uM = as_row(self.J, field.vjp(b["g"]), b["g"], self.J.hyper(b["g"].size))
            b["w"], share = b["w"] + uH, dict(uM)
            mine = {n: b[n] for n in law.tangents if n not in each}
            if not any(map(np.ndim, numbers.values())):  # else numbers of weights may meet in one
                mine = {n: np.sum(x) for n, x in mine.items()}
            share |= self.rates_vjp(t, lam, self.numbers_vjp(t, rates, mine))
            return np.concatenate([b[name] for name in self.state]), share

        return At(np.concatenate(law(law.step, {**each, **numbers})), jvp, vjp)


def as_column(of: Numbers) -> Numbers:
    """One number for each weight, (p,), as (p, 1), to stand beside tangents (p, k)."""
    return {name: x[:, None] if np.ndim(x) else x for name, x in of.items()}
