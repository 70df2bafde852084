"""Small problems: a whole stretch of steps in one compiled function.

A step that takes microseconds cannot go through Python. These functions are compiled for each law
and loss; the pass over the data and the loops over the weights are those of larger problems.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from hgref import laws
from hgref.arguments import Array
from hgref.dynamics.coordinatewise import Law
from hgref.fast.cpu import heads
from hgref.fast.cpu.compiled import bound, inlined, kernel, leaf
from hgref.fast.cpu.dynamics import Compiled, loops_of
from hgref.fast.cpu.linear import Dense, Pass, dense_part
from hgref.fast.cpu.products import padded
from hgref.layout import Blocks
from hgref.objectives import L2, Quadratic
from hgref.objectives.objective import Objective
from hgref.run import Run

FEW = 200_000  # multiplications of a pass that is as fast as the Python around it
WORK = 50_000_000  # multiplications of one call, about: signals wait for its end

l2_grad, l2_jvp, l2_vjp = map(inlined, (laws.l2_grad, laws.l2_jvp, laws.l2_vjp))


class Part(NamedTuple):
    """A data loss at a λ, and scratch for its passes with up to k columns.

    X, Y, N    of `Dense`;  batches: (T, B), or (0, 0): all rows, which are `every`
    weights    (n,) λ_i;  dweights: (n, k), or (0, 0)
    shares     (n,) receives Σ_t of the cotangents of λ_i
    P          (steps, B, kept) what the examples keep
    others     as in `Pass` and `dense_part`
    """

    X: Array
    Y: Array
    N: int
    batches: Array
    every: Array
    weights: Array
    dweights: Array
    shares: Array
    P: Array
    c: Array
    V: Array
    offset: Array
    copied: Array
    z: Array
    flat: Array
    G: Array
    sums: Array
    share: Array


class Beside(NamedTuple):
    """The terms of J without data: ½ wᵀHw − bᵀw, and the penalties.

    H, b       (p, p) and (p,), or (0, 0) and (0,)
    l2         (A, p) each penalty's coefficient of each weight;  dl2: (A, k, p)
    shares     (A, p) receives the cotangents of l2
    """

    H: Array
    b: Array
    l2: Array
    dl2: Array
    shares: Array


def field(parts, beside, t, row, w, U, base, g, out):
    """g (p,) ← ∇J_t(w) if base = 1;  out (k, p) ← H u + M dλ for each column of U (k, p).

    row   of P, which is filled if base = 1; where base = 0, shares of λ are added up
    """
    k, p = U.shape
    for i in range(p * base):
        g[i] = 0
        for j in range(len(beside.H)):
            g[i] += beside.H[i, j] * w[j]
        if len(beside.b):
            g[i] -= beside.b[i]
        for a in range(len(beside.l2)):
            g[i] += l2_grad(beside.l2[a, i], w[i])
    for c in range(k):
        for i in range(p):
            out[c, i] = 0
            for j in range(len(beside.H)):
                out[c, i] += beside.H[i, j] * U[c, j]
            for a in range(len(beside.l2)):
                if base:
                    out[c, i] += l2_jvp(beside.l2[a, i], w[i], U[c, i], beside.dl2[a, c, i])
                else:
                    to_w, to_l2 = l2_vjp(beside.l2[a, i], w[i], U[c, i])
                    out[c, i] += to_w
                    beside.shares[a, i] += to_l2
    for a in range(len(parts)):
        sweep(parts[a], t, row, w, U, base)  # noqa: F821 - bound below
        for i in range(p * base):
            g[i] += parts[a].G[0, i]
        for c in range(k):
            for i in range(p):
                out[c, i] += parts[a].G[base + c, i]


def sweep(part, t, row, w, U, base):
    """The pass over the data of one loss."""
    rows = part.batches[t - 1] if part.batches.size else part.every
    B, K, N, k, C = len(rows), part.Y.shape[1], part.N, len(U), len(part.offset)
    for i in range(B):
        part.c[i] = part.weights[rows[i]] / B
    for j in range(base + k):
        for o in range(K):
            at = j * K + o
            for f in range(N):
                part.V[f * C + at] = w[o * N + f] if j < base else U[j - base, o * N + f]
            if len(w) > K * N:
                part.offset[at] = w[K * N + o] if j < base else U[j - base, K * N + o]
    one = Pass(
        part.Y, rows, part.c, part.dweights, part.V, part.offset, part.P[row], base, k, part.share
    )
    some = part.sums[: (base + k) * len(w)]
    dense(one, part.X, part.copied, N, part.z, part.flat, some, len(w), 0, B)  # noqa: F821
    if base == 0:
        for i in range(len(part.share)):
            part.shares[rows[i]] += part.share[i] / B


def run(parts, beside, r, s, first, last, states, tape, U, out):
    """s (blocks, p) ← s_last from s_{first-1}; states and tape receive s_{t-1} and g_t.

    r         (steps, numbers) of the law;  U, out: (0, p)
    states    (steps, blocks, p), tape (steps, p), or one row each: only the last
    returns   the first t at which s_t is not finite, or 0
    """
    zero, p, base = np.uint64(0), np.uint64(s.shape[1]), np.int64(1)
    for t in range(first, last + 1):
        row = min(t - first, len(tape) - 1)
        for block in range(len(s)):
            for i in range(s.shape[1]):
                states[row, block, i] = s[block, i]
        field(parts, beside, t, row, s[-1], U, base, tape[row], out)  # noqa: F821
        step(r[t - first], s, tape[row], zero, p)  # noqa: F821
        if not finite(s):
            return t
    return 0


def tangents(parts, beside, r, dr, s, Z, first, last, g, U, out):
    """s, Z (k, blocks, p) ← s_last, Z_last from s_{first-1}, Z_{first-1}: eq. (14).

    dr        (steps, numbers, k) tangents of r;  U, out: (k, p)
    returns   the t at which s_t or Z_t is not finite, or 0
    """
    zero, p, base, row = np.uint64(0), np.uint64(s.shape[1]), np.int64(1), np.int64(0)
    for t in range(first, last + 1):
        fine, now = True, t - first
        for c in range(len(Z)):
            for i in range(s.shape[1]):
                U[c, i] = Z[c, -1, i]
        field(parts, beside, t, row, s[-1], U, base, g, out)  # noqa: F821
        jvp(r[now], dr[now], s, g, Z, out, zero, p)  # noqa: F821
        step(r[now], s, g, zero, p)  # noqa: F821
        for c in range(len(Z)):
            fine &= finite(Z[c])
        if not (fine and finite(s)):
            return t
    return 0


def back(parts, beside, r, first, last, states, tape, alpha, b, U, out):
    """α (blocks, p) ← α_{first-1} from α_last: eq. (8).

    b         (steps, numbers) receives the cotangents of r;  U, out: (1, p)
    returns   the t at which α_{t-1} is not finite, or 0
    """
    zero, p, base = np.uint64(0), np.uint64(alpha.shape[1]), np.int64(0)
    for t in range(last, first - 1, -1):
        row = t - first
        vjp(r[row], states[row], tape[row], alpha, U[0], b[row], zero, p)  # noqa: F821
        field(parts, beside, t, row, states[row, -1], U, base, tape[row], out)  # noqa: F821
        for i in range(alpha.shape[1]):
            alpha[-1, i] += out[0, i]
        if not finite(alpha):
            return t
    return 0


@inlined
def finite(s):
    """Whether no number is NaN or infinite."""
    bad = False
    for row in range(s.shape[0]):
        for j in range(s.shape[1]):
            bad |= not (abs(s[row, j]) < np.inf)
    return not bad


class Compilation(NamedTuple):
    """The compiled functions of a law and a loss."""

    run: Any
    tangents: Any
    back: Any


@functools.lru_cache(maxsize=64)
def compilation(law: Law, state: tuple[str, ...], head: heads.Head) -> Compilation:
    loops = loops_of(law, state)
    names = {"predict": head.predict, "curvature": head.curvature}
    loss = inlined(bound(heads.through_loss, head.name, **names))
    dense = leaf(bound(dense_part, head.name, through_loss=loss))
    given = {"sweep": inlined(bound(sweep, head.name, dense=dense))}
    given = {"field": leaf(bound(field, head.name, **given))} | loops._asdict()
    name = f"{head.name}_{loops.mark}"
    return Compilation(*(kernel(bound(one, name, **given)) for one in (run, tangents, back)))


def is_small(terms: Sequence[Objective], k: int) -> bool:
    """Whether a step with k tangents is over in microseconds; losses must be of one kind."""
    data = [part for part in terms if isinstance(part, Dense)]
    work = sum(part.B * part.N * (1 + k) * part.K for part in data)
    known = all(isinstance(part, Dense | L2 | Quadratic) for part in terms)
    return known and work < FEW and len({part.head.name for part in data}) < 2


class Small:
    """Stretches of a small problem.

    terms   of J: data losses as `Dense`, L2, Quadratic
    """

    def __init__(self, dynamics: Compiled, terms: Sequence[Objective], p: int):
        self.dynamics, self.p, self.blocks = dynamics, p, len(dynamics.state)
        self.data = [part for part in terms if isinstance(part, Dense)]
        self.penalties = [part for part in terms if isinstance(part, L2)]
        matrices = [part for part in terms if isinstance(part, Quadratic)]
        self.H = sum((part.H for part in matrices), np.zeros((p, p) if matrices else (0, 0)))
        self.b = sum((part.b for part in matrices), np.zeros(p if matrices else 0))
        head = self.data[0].head if self.data else heads.HEADS[heads.Squares]
        self.compiled = compilation(dynamics.readable.law, dynamics.state, head)
        work = sum(part.B * part.N * part.K for part in self.data) + p * (1 + len(self.H))
        self.length = max(1, WORK // work)  # steps of one call

    def at(self, run: Run, first: int, last: int, s: Array) -> Stretch:
        return Stretch(self, run, first, last, s)

    def parts(self, lam: Blocks, dlam: Blocks, steps: int, k: int) -> tuple[Part, ...]:
        """The data at λ, for passes with up to k columns and `steps` steps of P."""
        return tuple(part_of(one, lam, dlam, steps, k) for one in self.data) or (
            nothing(self.p, k),
        )

    def beside(self, lam: Blocks, dlam: Blocks, k: int) -> Beside:
        l2, dl2 = np.zeros((len(self.penalties), self.p)), np.zeros((len(self.penalties), k, self.p))
        for a, one in enumerate(self.penalties):
            l2[a] = one.each(lam[one.name])
            if one.name in dlam:
                dl2[a] = np.broadcast_to(one.each(dlam[one.name]), (self.p, k)).T
        return Beside(self.H, self.b, l2, dl2, np.zeros_like(l2))


class Stretch:
    """Steps first … last linearised at s = s_{first-1}, as one map: an hgref.at.At.

    Nothing runs before it is asked for; `jvp` computes `value` too, in the same passes.
    """

    def __init__(self, small: Small, run: Run, first: int, last: int, s: Array):
        self.small, self.at, self.first, self.last = small, run, first, last
        self.s = np.array(s, float).reshape(small.blocks, -1)
        self.steps, numbered = last - first + 1, small.dynamics.numbered
        self.r, self.end = numbered.values(first, last, run.lam), None

    @property
    def value(self) -> Array:
        if self.end is None:
            self.run(self.steps)
        return self.end

    def run(self, rows: int) -> Array:
        """s_last; keeps `rows` steps for the way back, all or one."""
        small, end = self.small, self.s.copy()
        self.parts = small.parts(self.at.lam, {}, rows, 1)
        self.beside = small.beside(self.at.lam, {}, 0)
        self.states, self.tape = np.empty((rows, *end.shape)), np.empty((rows, small.p))
        about = self.parts, self.beside, self.r, end, self.first, self.last
        none = np.empty((0, small.p))
        t = small.compiled.run(*about, self.states, self.tape, none, none)
        self.at.require_state("the training run", t, end.reshape(-1))
        self.end = end.reshape(-1)
        return self.end

    def jvp(self, Z: Array, dlam: Blocks) -> Array:
        small, k, end, lam = self.small, Z.shape[1], self.s.copy(), self.at.lam
        dr = small.dynamics.numbered.tangents(self.first, self.last, lam, dlam, k)
        Z = np.array(Z.T, float, order="C").reshape(k, small.blocks, small.p)
        about = small.parts(lam, dlam, 1, k), small.beside(lam, dlam, k), self.r, dr, end, Z
        g, *scratch = np.empty(small.p), np.empty((k, small.p)), np.empty((k, small.p))
        t = small.compiled.tangents(*about, self.first, self.last, g, *scratch)
        self.at.require_state("the training run", t, end.reshape(-1))
        self.at.require_state("Z_t", t, Z.sum(axis=0).reshape(-1))
        self.end = end.reshape(-1)
        return Z.reshape(k, -1).T

    def vjp(self, alpha: Array) -> tuple[Array, Blocks]:
        small, lam = self.small, self.at.lam
        alpha, b = np.array(alpha, float).reshape(small.blocks, -1), np.zeros(self.r.shape)
        about = self.parts, self.beside, self.r, self.first, self.last, self.states, self.tape
        t = small.compiled.back(*about, alpha, b, np.empty((1, small.p)), np.empty((1, small.p)))
        self.at.require_state("alpha, going backwards,", t - 1, alpha.reshape(-1))
        shares = small.dynamics.numbered.cotangents(self.first, self.last, lam, b)
        for one, part in zip(small.data, self.parts, strict=False):
            if one.part.example_weights:
                shares[one.part.block] = part.shares
        for penalty, share in zip(small.penalties, self.beside.shares, strict=True):
            shares[penalty.name] = np.asarray(penalty.gather(share))
        return alpha.reshape(-1), shares


def part_of(one: Dense, lam: Blocks, dlam: Blocks, steps: int, k: int) -> Part:
    """A data loss at λ."""
    part, real, B, K = one.part, one.real, one.B, one.K
    C, batches = padded((1 + k) * K, real.itemsize), part.features.batches
    weights, dweights = np.ones(part.features.n), np.zeros((0, 0), real)
    if part.example_weights:
        weights = np.array(lam[part.block], float)
        if part.block in dlam:
            dweights = np.ascontiguousarray(dlam[part.block] / B, real)
    table = np.zeros((0, 0), np.int64) if batches is None else np.array(batches, np.int64)
    z, G = np.empty((min(one.block, B), C), real), np.empty((1 + k, one.p), real)
    return Part(
        one.X, one.Y, one.N, table, one.every, weights, dweights, np.zeros(len(weights)),
        np.empty((steps, B, one.width), real), np.empty(B, real),
        np.zeros(one.N * C, real), np.zeros(C, real),
        np.empty(one.block * one.N * len(table[:1]), real), z, z.reshape(-1), G, G.reshape(-1),
        np.zeros(B * part.example_weights, real),
    )  # fmt: skip


def nothing(p: int, k: int) -> Part:
    """A data loss without examples."""
    none, rows, C = np.zeros(0), np.zeros(0, np.int64), padded(1 + k, 8)
    G, no_table = np.zeros((1 + k, p)), np.zeros((0, 0), np.int64)
    return Part(
        none, np.zeros((0, 1)), 0, no_table, rows, none, np.zeros((0, 0)), none,
        np.zeros((1, 0, 1)), none, none, np.zeros(C), none, np.zeros((1, C)), np.zeros(C),
        G, G.reshape(-1), none,
    )  # fmt: skip
