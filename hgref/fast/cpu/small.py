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
from hgref.dynamics.coordinatewise import Coordinatewise, Law
from hgref.fast.cpu import heads
from hgref.fast.cpu.compiled import bound, inlined, kernel, leaf
from hgref.fast.cpu.coupling import (
    Relations,
    add_relations,
    relations,
    to_relations,
    without_relations,
)
from hgref.fast.cpu.dynamics import Numbered, by_block, columns_of, loops_of
from hgref.fast.cpu.linear import Dense, Pass, dense_part
from hgref.fast.cpu.products import aligned, padded
from hgref.layout import Blocks
from hgref.objectives import L2, Quadratic, TaskCoupling
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
    unit: Array
    copied: Array
    z: Array
    flat: Array
    sums: Array
    share: Array


class Beside(NamedTuple):
    """The terms of J without data: ½ wᵀHw − bᵀw, and the penalties.

    H, b       (p, p) and (p,), or (0, 0) and (0,)
    l2         (A, p) each penalty's coefficient of each weight;  dl2: (A, k, p)
    shares     (A, p) receives the cotangents of l2
    relations  of tasks
    """

    H: Array
    b: Array
    l2: Array
    dl2: Array
    shares: Array
    relations: Relations


# of a law and a head, in each copy of the functions below
dense: Any = None
relate: Any = None
step: Any = None
jvp: Any = None
vjp: Any = None


def field(part, beside, t, row, w, U, base, g, out):
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
    relate(beside.relations, w, U, base, g, out)
    sweep(part, t, row, w, U, base)
    inside = part.Y.shape[1] * part.N  # weights before the biases
    outside, D = p - inside, (base + k) * inside
    for c in range(base + k):
        to = g if c < base else out[c - base]
        for i in range(inside):
            to[i] += part.sums[c * inside + i]
        for i in range(outside):
            to[inside + i] += part.sums[D + c * outside + i]


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
        part.Y,
        rows,
        part.c,
        part.dweights,
        part.V,
        part.offset,
        part.unit,
        part.P[row],
        base,
        k,
        part.share,
    )
    some = part.sums[: (base + k) * len(w)]
    dense(one, part.X, N, part.copied, part.z, part.flat, some, 0, B)
    if base == 0:
        for i in range(len(part.share)):
            part.shares[rows[i]] += part.share[i] / B


def stretch(part, beside, r, dr, b, s, Z, first, last, states, tape, U, out, backwards):
    """Steps first … last: forwards s ← s_last and Z ← Z_last, eq. (14); or backwards, eq. (8).

    r, dr         (steps, R) numbers of the law, and their tangents (steps, R, k)
    s             (blocks, p) s_{first-1};  states (steps, blocks, p) and tape (steps, p) receive
                  s_{t-1} and g_t; one row each: only the last
    Z             (blocks, k, p) Z_{first-1};  backwards: α_last (blocks, 1, p) ← α_{first-1}
    b             (steps, R) backwards: receives the cotangents of r
    U, out        (k, p) scratch
    returns       the t at which s_t or Z_t, backwards α_{t-1}, is not finite, or 0
    """
    zero, p, base = np.uint64(0), np.uint64(tape.shape[1]), np.int64(not backwards)
    for n in range(last - first + 1):
        t = last - n if backwards else first + n
        now, fine = t - first, True
        row = min(now, len(tape) - 1)
        if backwards:
            vjp(r[now], states[row], tape[row], Z, U[0], b[now], zero, p)
        else:
            for block in range(len(s)):
                for i in range(tape.shape[1]):
                    states[row, block, i] = s[block, i]
            for c in range(Z.shape[1]):
                for i in range(tape.shape[1]):
                    U[c, i] = Z[-1, c, i]
        field(part, beside, t, row, states[row, -1], U, base, tape[row], out)
        if backwards:
            for i in range(tape.shape[1]):
                Z[-1, 0, i] += out[0, i]
        else:
            jvp(r[now], dr[now], s, tape[row], Z, out, zero, p)
            step(r[now], s, tape[row], zero, p)
            fine &= finite(s)
        for block in range(len(Z)):
            fine &= finite(Z[block])
        if not fine:
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


@functools.lru_cache(maxsize=64)
def compilation(law: Law, state: tuple[str, ...], head: heads.Head, related: bool) -> Any:
    """`stretch` for a law and a loss, with or without relations of tasks."""
    loops = loops_of(law, state)
    dense = leaf(bound(dense_part, head.name, through_loss=heads.loss_of(head)))
    over_data = inlined(bound(sweep, head.name, dense=dense))
    name = f"{head.name}_related" if related else head.name
    relate = add_relations if related else without_relations
    whole = leaf(bound(field, name, sweep=over_data, relate=relate))
    return kernel(bound(stretch, f"{name}_{loops.mark}", field=whole, **loops._asdict()))


def is_small(terms: Sequence[Objective], k: int) -> bool:
    """Whether a step with k tangents is over in microseconds, with one data loss at most."""
    data = [part for part in terms if isinstance(part, Dense)]
    related = [part for part in terms if type(part) is TaskCoupling]
    work = sum(part.B * part.N * part.K for part in data)
    work += sum(part.tasks * part.tasks * part.N for part in related)
    known = all(type(part) in (Dense, L2, Quadratic, TaskCoupling) for part in terms)
    return known and work * (1 + k) < FEW and len(data) < 2 and len(related) < 2


class Small:
    """Stretches of a small problem.

    terms   of J: data losses as `Dense`, L2, Quadratic, TaskCoupling
    p       number of weights
    """

    def __init__(self, dynamics: Coordinatewise, terms: Sequence[Objective], p: int):
        self.p, self.blocks = p, len(dynamics.state)
        self.numbered = Numbered(dynamics)
        self.data = [part for part in terms if isinstance(part, Dense)]
        self.penalties = [part for part in terms if isinstance(part, L2)]
        matrices = [part for part in terms if isinstance(part, Quadratic)]
        self.H = sum((part.H for part in matrices), np.zeros((p, p) if matrices else (0, 0)))
        self.b = sum((part.b for part in matrices), np.zeros(p if matrices else 0))
        head = self.data[0].head if self.data else heads.HEADS[heads.Squares]
        self.related = [part for part in terms if isinstance(part, TaskCoupling)]
        self.compiled = compilation(dynamics.law, dynamics.state, head, bool(self.related))
        work = sum(part.B * part.N * part.K for part in self.data) + p * (1 + len(self.H))
        self.length = max(1, WORK // work)  # steps of one call

    def at(self, run: Run, first: int, last: int, s: Array) -> Stretch:
        return Stretch(self, run, first, last, s)

    def part(self, lam: Blocks, dlam: Blocks, steps: int, columns: int) -> Part:
        """The data at λ, for passes with so many columns at most, and `steps` steps of P."""
        about = lam, dlam, steps, columns
        return part_of(self.data[0], *about) if self.data else nothing(self.p, columns)

    def beside(self, lam: Blocks, dlam: Blocks, k: int) -> Beside:
        l2 = np.zeros((len(self.penalties), self.p))
        dl2 = np.zeros((len(self.penalties), k, self.p))
        for a, one in enumerate(self.penalties):
            l2[a] = one.each(lam[one.name])
            if one.name in dlam:
                dl2[a] = np.broadcast_to(one.each(dlam[one.name]), (self.p, k)).T
        related = relations(self.related, lam, dlam, k)
        return Beside(self.H, self.b, l2, dl2, np.zeros_like(l2), related)


class Stretch:
    """Steps first … last linearised at s = s_{first-1}, as one map: an hgref.at.At.

    Nothing runs before it is asked for; `jvp` computes `value` too, in the same passes.
    """

    def __init__(self, small: Small, run: Run, first: int, last: int, s: Array):
        self.small, self.of, self.first, self.last = small, run, first, last
        self.s = np.array(s, float).reshape(small.blocks, -1)
        self.r = small.numbered.values(first, last, run.lam)
        self.end: Array | None = None
        self.kept = np.empty((0, small.blocks, small.p)), np.empty((0, small.p))  # s_{t-1}, g_t

    @property
    def value(self) -> Any:
        return self.run(len(self.r)) if self.end is None else self.end

    def run(self, rows: int) -> Any:
        """s_last; keeps `rows` steps for the way back, all or one."""
        small, lam, p = self.small, self.of.lam, self.small.p
        self.part, self.beside = small.part(lam, {}, rows, 1), small.beside(lam, {}, 0)
        self.kept = np.empty((rows, small.blocks, p)), np.empty((rows, p))
        self.ahead(np.empty((small.blocks, 0, p)), np.empty((*self.r.shape, 0)))
        return self.end

    def ahead(self, Z: Array, dr: Array) -> None:
        """Z ← Z_last, and s_last to `end`."""
        end = self.s.copy()
        t = self.call(dr, np.empty((0, 0)), end, Z, False)
        self.of.require_state("the training run", t, end.reshape(-1))
        self.of.require_state("Z_t", t, Z.sum(axis=1).reshape(-1))
        self.end = end.reshape(-1)

    def call(self, dr: Array, b: Array, s: Array, Z: Array, backwards: bool) -> int:
        """The compiled function."""
        scratch = np.empty(Z.shape[1:]), np.empty(Z.shape[1:])
        about = self.first, self.last, *self.kept, *scratch, backwards
        return self.small.compiled(self.part, self.beside, self.r, dr, b, s, Z, *about)

    def jvp(self, Z: Array, dlam: Blocks) -> Array:
        small, lam, k = self.small, self.of.lam, Z.shape[1]
        dr = small.numbered.tangents(self.first, self.last, lam, dlam, k)
        Z = by_block(Z, small.blocks)
        self.part, self.beside = small.part(lam, dlam, 1, 1 + k), small.beside(lam, dlam, k)
        self.kept = np.empty((1, small.blocks, small.p)), np.empty((1, small.p))
        self.ahead(Z, dr)
        return columns_of(Z)

    def vjp(self, alpha: Array) -> tuple[Array, Blocks]:
        small, lam, b = self.small, self.of.lam, np.zeros(self.r.shape)
        if len(self.kept[1]) < len(b):
            self.run(len(b))
        alpha = np.array(alpha, float).reshape(small.blocks, 1, -1)
        t = self.call(np.empty((*b.shape, 0)), b, self.s, alpha, True)
        self.of.require_state("alpha, going backwards,", t - 1, alpha.reshape(-1))
        shares = small.numbered.cotangents(self.first, self.last, lam, b)
        for one in small.data:
            if one.part.example_weights:
                shares[one.part.block] = self.part.shares
        for penalty, share in zip(small.penalties, self.beside.shares, strict=True):
            shares[penalty.name] = np.asarray(penalty.gather(share))
        shares |= to_relations(small.related, self.beside.relations)
        return alpha.reshape(-1), shares


def part_of(one: Dense, lam: Blocks, dlam: Blocks, steps: int, columns: int) -> Part:
    """A data loss at λ."""
    part, real, B, K = one.part, one.real, one.B, one.K
    C, batches = padded(columns * K, real.itemsize), part.features.batches
    weights, dweights = np.ones(part.features.n), np.zeros((0, 0), real)
    if part.example_weights:
        weights = np.array(lam[part.block], float)
        if part.block in dlam:
            dweights = np.ascontiguousarray(dlam[part.block] / B, real)
    table = np.zeros((0, 0), np.int64) if batches is None else np.asarray(batches, np.int64)
    flat = aligned(((min(one.block, B) + 1) * C,), real)
    return Part(
        one.X, one.Y, one.N, table, one.every, weights, dweights, np.zeros(len(weights)),
        np.empty((steps, B, one.width), real), np.empty(B, real),
        aligned((one.N * C,), real), np.zeros(C, real), one.unit,
        np.empty(one.block * one.N * len(table[:1]), real), flat[:-C].reshape(-1, C), flat,
        np.empty(columns * part.p, real),
        np.zeros(B * part.example_weights, real),
    )  # fmt: skip


def nothing(p: int, columns: int) -> Part:
    """A data loss without examples."""
    none, rows, C = np.zeros(0), np.zeros(0, np.int64), padded(columns, 8)
    no_table = np.zeros((0, 0), np.int64)
    return Part(
        none, np.zeros((0, 1)), 0, no_table, rows, none, np.zeros((0, 0)), none,
        np.zeros((1, 0, 1)), none, none, np.zeros(C), np.ones(1), none,
        np.zeros((1, C)), np.zeros(2 * C), np.zeros(columns * p), none,
    )  # fmt: skip
