"""Dynamics that act on each weight on its own: step, jvp and vjp, made from a law."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.at import At
from hgref.dynamics.dynamics import Dynamics
from hgref.layout import Blocks

Numbers = dict[str, Any]


class Law:
    """The three functions of a law in hgref.laws, called by the names of their parameters.

    tangents   names whose tangents the jvp takes; their cotangents are what the vjp returns
    """

    def __init__(self, *functions: Callable[..., Any]):
        self.functions = {f: tuple(inspect.signature(f).parameters) for f in functions}
        self.step, self.jvp, self.vjp = functions
        known = self.functions[self.step]
        wanted = self.functions[self.jvp]
        self.tangents = [name[1:] for name in wanted if name[0] == "d" and name[1:] in known]

    def __call__(self, function: Callable[..., Any], of: Mapping[str, Any]) -> tuple[Any, ...]:
        """One of the three, its arguments taken from a mapping of names."""
        found = function(*(of[name] for name in self.functions[function]))
        return found if isinstance(found, tuple) else (found,)


class Coordinatewise(Dynamics):
    """Φ_t acts on each weight on its own once g = ∇J_t(w_{t-1}) is known: a law and its numbers.

        (…, w)_t = law.step(…, w, g, numbers)      for each weight, with the same numbers

    law      hgref.laws' step, jvp and vjp of one coordinate; their parameters are the blocks of
             `state`, `g`, and the numbers
    rates    number of the law → the hyperparameter it is at step t, or None for 0; default: every
             hyperparameter is a number of that name. Numbers that are made in another way are
             added by `numbers`, with their derivatives by `numbers_jvp` and `numbers_vjp`
    Cost     that of J.at and its products, and O(p)
    Source   Franceschi et al. 2017, eq. (11), factored through g
    """

    law: Law

    @property
    def rates(self) -> dict[str, str | None]:
        return {name: name for name in self.names}

    def rates_at(self, t: int, lam: Blocks) -> Numbers:
        """The hyperparameters' values at step t."""
        return {n: lam[n][t - 1] if lam[n].ndim else lam[n][()] for n in self.names}

    def numbers(self, t: int, rates: Numbers) -> Numbers:
        """The law's numbers at step t, from the hyperparameters' values there."""
        return {n: 0.0 if name is None else rates[name] for n, name in self.rates.items()}

    def numbers_jvp(self, t: int, rates: Numbers, drates: Numbers) -> Numbers:
        """Their tangents; `drates` has the tangents, (k,) or 0, of all hyperparameters."""
        return {n: 0.0 if name is None else drates[name] for n, name in self.rates.items()}

    def numbers_vjp(self, t: int, rates: Numbers, b: Numbers) -> Numbers:
        """The hyperparameters' cotangents from those of the law's numbers."""
        return {name: b.get(n, 0.0) for n, name in self.rates.items() if name is not None}

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        blocks, law = self.split(s), self.law
        rates = self.rates_at(t, lam)
        field = self.J.at(t, blocks[-1], lam)
        each = dict(zip(self.state, blocks, strict=True), g=field.value)
        numbers = self.numbers(t, rates)

        def jvp(ds: Array, dlam: Blocks) -> Array:
            moving = self.split(ds)
            drates = {n: self.entry(t, lam[n], dlam.get(n)) for n in self.names}
            tangents = dict(zip(self.state, moving, strict=True), g=field.jvp(moving[-1], dlam))
            tangents |= self.numbers_jvp(t, rates, drates)
            columns = {name: x[:, None] for name, x in each.items()}
            tangents = {f"d{name}": tangents[name] for name in law.tangents}
            return np.concatenate(law(law.jvp, {**columns, **numbers, **tangents}))

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            back = {f"b_{n}": row for n, row in zip(self.state, self.split(alpha), strict=True)}
            b = dict(zip(law.tangents, law(law.vjp, {**each, **numbers, **back}), strict=True))
            b["w"], share = moved(b["w"], field.vjp(b["g"]))
            totals = {n: np.sum(b[n]) for n in law.tangents if n not in each}
            for name, total in self.numbers_vjp(t, rates, totals).items():
                share[name] = self.block(t, lam[name], total)
            return np.concatenate([b[name] for name in self.state]), share

        return At(np.concatenate(law(law.step, {**each, **numbers})), jvp, vjp)

    @staticmethod
    def entry(t: int, block: Array, tangent: Array | None) -> Any:
        """The tangent of a hyperparameter at step t, (k,), or 0 where it does not move."""
        return 0.0 if tangent is None else tangent[t - 1] if block.ndim else tangent

    @staticmethod
    def block(t: int, block: Array, total: Any) -> Array:
        """A cotangent, shaped like its block of λ: in a schedule it stands at entry t - 1."""
        if not block.ndim:
            return np.asarray(total)
        share = np.zeros(block.shape, dtype=np.asarray(total).dtype)
        share[t - 1] = total
        return share


def moved(b_w: Array, products: tuple[Array, Blocks]) -> tuple[Array, Blocks]:
    """(b_w + u H, u M)."""
    uH, uM = products
    return b_w + uH, dict(uM)
