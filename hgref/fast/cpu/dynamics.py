"""A coordinatewise dynamics with compiled loops; twin of hgref.dynamics.coordinatewise."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array
from hgref.at import At, as_columns, as_row, as_state
from hgref.dynamics.coordinatewise import Coordinatewise, Law, Numbers
from hgref.fast.cpu import pool
from hgref.fast.cpu.compiled import kernel, leaf, summing
from hgref.fast.cpu.linear import Linear, Swept
from hgref.fast.cpu.network import Network
from hgref.fast.loops import CPU, Loops, numbers_of, written
from hgref.layout import Blocks
from hgref.objectives import L2
from hgref.objectives.objective import Objective
from hgref.run import Run

PIECE = 16_384  # weights, at least: fewer take less time than to hand them to a thread

l2_grad, l2_vjp = leaf(laws.l2_grad), leaf(laws.l2_vjp)


@functools.lru_cache(maxsize=64)
def loops_of(law: Law, state: tuple[str, ...]) -> Loops:
    """The compiled loops of a law."""
    return written(law, state, CPU, leaf, {"step": kernel, "jvp": kernel, "vjp": summing})


class Numbered:
    """The numbers of a law, and their tangents and cotangents, as arrays over some steps.

    names   of the law's numbers, R of them
    """

    def __init__(self, dynamics: Coordinatewise):
        self.dynamics = dynamics
        self.names = numbers_of(dynamics.law, dynamics.state)

    def values(self, first: int, last: int, lam: Blocks) -> Array:
        """(steps, R)."""
        t, rates = self.steps(first, last), self.rates(first, last, lam)
        return self.table(called(self.dynamics.numbers, t, rates), t.shape)

    def tangents(self, first: int, last: int, lam: Blocks, dlam: Blocks, k: int) -> Array:
        """(steps, R, k), along k tangents of λ."""
        t, rates = self.steps(first, last)[:, None], self.rates(first, last, lam)
        drates = {name: np.zeros((len(t), k)) for name in self.dynamics.names}
        for name in drates.keys() & dlam.keys():
            drates[name][:] = dlam[name][first - 1 : last] if lam[name].ndim else dlam[name]
        columns = {name: rate[:, None] for name, rate in rates.items()}
        return self.table(called(self.dynamics.numbers_jvp, t, columns, drates), (len(t), k))

    def cotangents(self, first: int, last: int, lam: Blocks, b: Array) -> Blocks:
        """Blocks of λ, from b (steps, R)."""
        t, rates = self.steps(first, last), self.rates(first, last, lam)
        given = dict(zip(self.names, b.T, strict=True))
        shares = {}
        for name, share in called(self.dynamics.numbers_vjp, t, rates, given).items():
            share = np.broadcast_to(share, t.shape)
            shares[name] = np.zeros(lam[name].shape)
            if lam[name].ndim:
                shares[name][first - 1 : last] = share
            else:
                shares[name] += share.sum()
        return shares

    @staticmethod
    def steps(first: int, last: int) -> Array:
        return np.arange(first, last + 1)

    def rates(self, first: int, last: int, lam: Blocks) -> Numbers:
        """The hyperparameters of these steps, (steps,) each."""
        count = last - first + 1
        return {
            n: lam[n][first - 1 : last] if lam[n].ndim else np.full(count, lam[n])
            for n in self.dynamics.names
        }

    def table(self, of: Numbers, shape: tuple[int, ...]) -> Array:
        found = np.zeros((shape[0], len(self.names), *shape[1:]))
        for r, name in enumerate(self.names):
            found[:, r] = of.get(name, 0.0)
        return found


def called(function: Any, t: Array, *mappings: Numbers) -> Numbers:
    """function(t, …) for all steps at once, or step by step if it takes one t at a time."""
    try:
        return function(t, *mappings)
    except (TypeError, ValueError):
        if len(t) == 1:
            raise
    each = []
    for row, one in enumerate(t.reshape(-1).tolist()):
        each.append(function(one, *({n: x[row] for n, x in of.items()} for of in mappings)))
    shape = (len(t), -1) if t.ndim > 1 else (len(t),)
    return {name: np.reshape([one[name] for one in each], shape) for name in each[0]}


@kernel
def add_sums(G, to, lo, hi):
    """Add each row of G (parts, p) to `to`."""
    for q in range(len(G)):
        for j in range(lo, hi):
            to[j] += G[q, j]


@kernel
def add_penalty(l2, each, w, g, lo, hi):
    """Add the gradient of an L2 penalty to g; l2 (p,) and each = 1, or (1,) and 0."""
    for j in range(lo, hi):
        g[j] += l2_grad(l2[j * each], w[j])


@summing
def add_penalty_vjp(l2, each, w, u, uH, share, lo, hi):
    """Add u H to uH; share (p,) ← the cotangent of each weight's l2, or (1,) += their sum."""
    total = 0.0
    for j in range(lo, hi):
        to_w, to_l2 = l2_vjp(l2[j * each], w[j], u[j])
        uH[j] += to_w
        if each:
            share[j] = to_l2
        else:
            total += to_l2
    if not each:
        share[0] += total


class Large:
    """A coordinatewise dynamics, one step at a time, of an objective whose terms may be fast.

    A step's work on the weights runs on pieces of them, which threads share: g is collected from
    the terms of J and the parts of their passes, and the law is applied, while a piece is in the
    cache.
    """

    length = 1  # steps of one call

    def __init__(self, readable: Coordinatewise, terms: Sequence[Objective]):
        self.state, self.numbered = readable.state, Numbered(readable)
        self.loops = loops_of(readable.law, readable.state)
        self.penalties = [part for part in terms if type(part) is L2]
        self.others = [part for part in terms if type(part) is not L2]

    def at(self, run: Run, first: int, last: int, s: Array) -> Step:
        return Step(self, run, last, s)

    def penalised(self, lam: Blocks) -> list[tuple[Array, int]]:
        """(coefficient of each weight, 1) of each penalty, or (that of all, 0)."""
        found = (np.asarray(part.each(lam[part.name]), float) for part in self.penalties)
        return [(l2.reshape(-1), l2.ndim) for l2 in found]


class Step:
    """Step t linearised at s = s_{t-1}: an hgref.at.At.

    Nothing runs before it is asked for; `jvp` computes `value` too, in the same pass over the data.
    """

    def __init__(self, large: Large, run: Run, t: int, s: Array):
        self.large, self.of, self.t, self.old = large, run, t, s.reshape(len(large.state), -1)
        self.r = large.numbered.values(t, t, run.lam)[0]
        self.penalties = large.penalised(run.lam)
        with np.errstate(all="ignore"):
            self.fields = [field_of(part, t, self.old[-1], run.lam) for part in large.others]
        self.pieces = pieces(self.old.shape[1])
        self.end: Array | None = None

    @property
    def value(self) -> Array:
        return self.run() if self.end is None else self.end

    def run(self, rows: int = 1) -> Array:
        """s_t; keeps g_t for the products."""
        w, new = self.old[-1], self.old.copy()
        values = [np.atleast_2d(field.value) for field in self.fields]
        self.g = g = np.zeros(len(w))

        def forwards(q: int, lo: Any, hi: Any) -> None:
            for value in values:
                add_sums(value, g, lo, hi)
            for l2, each in self.penalties:
                add_penalty(l2, each, w, g, lo, hi)
            self.large.loops.step(self.r, new, g, lo, hi)

        pool.each(forwards, self.pieces)
        self.end = new.reshape(-1)
        self.of.require_state("the training run", self.t, self.end)
        return self.end

    def jvp(self, ds: Array, dlam: Blocks) -> Array:
        large, t, lam, w = self.large, self.t, self.of.lam, self.old[-1]
        dw = ds[-len(w) :]
        if not all(isinstance(field, Swept) for field in self.fields):
            self.run()  # other losses have no pass that computes both
        with np.errstate(all="ignore"):
            dg = sum(field.jvp(dw, dlam) for field in self.fields)
            dg = sum((part.at(t, w, lam).jvp(dw, dlam) for part in large.penalties), dg)
        dg = np.ascontiguousarray(np.broadcast_to(dg, dw.shape).T, float)
        Z = by_block(ds, len(self.old))
        dr = large.numbered.tangents(t, t, lam, dlam, len(dg))[0]
        if self.end is None:
            self.run()
        about = self.r, dr, self.old, self.g, Z, dg
        pool.each(lambda q, lo, hi: large.loops.jvp(*about, lo, hi), self.pieces)
        return columns_of(Z)

    def vjp(self, alpha: Array) -> tuple[Array, Blocks]:
        large, w, t, lam = self.large, self.old[-1], self.t, self.of.lam
        if self.end is None:
            self.run()
        back, u = by_block(alpha[:, None], len(self.old)), np.empty(len(w))
        b = np.zeros((len(self.pieces), self.r.size))

        def through(q: int, lo: Any, hi: Any) -> None:
            large.loops.vjp(self.r, self.old, self.g, back, u, b[q], lo, hi)

        pool.each(through, self.pieces)
        with np.errstate(all="ignore"):
            found = [field.vjp(u) for field in self.fields]
        sums = [np.zeros((len(w) if each else len(b), 1)) for _, each in self.penalties]

        def backwards(q: int, lo: Any, hi: Any) -> None:
            for row, _ in found:
                add_sums(np.atleast_2d(row), back[-1, 0], lo, hi)
            for (l2, each), share in zip(self.penalties, sums, strict=True):
                to = share[:, 0] if each else share[q]
                add_penalty_vjp(l2, each, w, u, back[-1, 0], to, lo, hi)

        pool.each(backwards, self.pieces)
        shares = large.numbered.cotangents(t, t, lam, b.sum(axis=0)[None])
        for _, blocks in found:
            shares |= blocks
        for part, (_, each), share in zip(large.penalties, self.penalties, sums, strict=True):
            whole = share[:, 0] if each else share.sum()
            shares[part.name] = np.asarray(part.gather(np.asarray(whole)))
        return back.reshape(-1), shares


def field_of(part: Any, t: int, w: Array, lam: Blocks) -> Any:
    """A term of J at w; what a term of the readable layer returns has its shape checked."""
    field = part.at(t, w, lam)
    if isinstance(part, Linear | Network):
        return field
    return At(
        as_state("grad", part, field.value, w.size),
        lambda dw, dlam: as_columns(part, field.jvp(dw, dlam), dw),
        lambda u: as_row(part, field.vjp(u), u, part.hyper(u.size)),
    )


def by_block(columns: Array, blocks: int) -> Array:
    """Tangents of a state (d, k) as (blocks, k, p), a copy."""
    return columns.reshape(blocks, -1, columns.shape[1]).transpose(0, 2, 1).astype(float, order="C")


def columns_of(Z: Array) -> Array:
    """Tangents (blocks, k, p) as (d, k)."""
    return Z.transpose(0, 2, 1).reshape(-1, Z.shape[1])


def pieces(p: int) -> list[tuple[Any, ...]]:
    """(number, first, last + 1) of pieces of the weights.

    Unsigned: signed bounds are checked for wrap-around, which stops vectorisation.
    """
    bounds = pool.bounds(p, max(1, min(pool.PARTS, p // PIECE)))
    return [(q, np.uint64(lo), np.uint64(hi)) for q, (lo, hi) in enumerate(bounds)]
