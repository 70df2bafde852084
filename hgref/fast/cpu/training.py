"""J_t as a whole: data losses, L2 penalties, a quadratic; twin of hgref.objectives.Sum."""

from __future__ import annotations

from typing import NamedTuple

from hgref import laws
from hgref.arguments import Array
from hgref.fast.cpu.compiled import compiled, either, kernel
from hgref.fast.cpu.coupling import Coupling, Relations, add_relation_shares, couple
from hgref.fast.cpu.features import Dense, Small, Sparse, sweep
from hgref.fast.cpu.network import Factors

l2_grad, l2_jvp, l2_vjp = map(compiled, (laws.l2_grad, laws.l2_jvp, laws.l2_vjp))


class Training(NamedTuple):
    """J without its hyperparameters.

    data      one entry for each data loss, at least one (perhaps without examples)
    H, b      (p, p) and (p,) of ½ wᵀHw − bᵀw; (0, 0) and (0,) if there is none
    coupling  of tasks
    """

    data: tuple[Small | Dense | Sparse, ...]
    H: Array
    b: Array
    coupling: Coupling


class Lam(NamedTuple):
    """The hyperparameters of J at a point λ, and their columns of Z.

    factors    for each data loss the factors of its residuals
    l2         (A, p) each penalty's coefficient of each weight;  l2_columns: (A, p)
    relations  between tasks
    """

    factors: tuple[Factors, ...]
    l2: Array
    l2_columns: Array
    relations: Relations


@either
def passes(J, lam, works, sums, t, w, U, columns, kept, row):
    """To sums: ∇J_t(w), and H u + M dλ for each column u of U (k, p), for data and relations.

    sums        for each data loss G of its work, and one more if tasks are coupled
    kept, row   what data loss a keeps of its rows: kept[a][row], see `network.Block`
    """
    for a in range(len(J.data)):
        place = kept[a][min(row, len(kept[a]) - 1)]
        sweep(J.data[a], works[a], t, lam.factors[a], w, U, columns, place)
    if J.coupling.tasks and columns.lead:
        couple(J.coupling, lam.relations, w, U, columns, sums[-1][0])


class Beside(NamedTuple):
    """The terms of J without data: the quadratic's H, b and the penalties; see Training, Lam."""

    H: Array
    b: Array
    l2: Array
    l2_columns: Array


@either
def collect(beside, sums, columns, w, U, g, out, lo, hi):
    """g (p,) ← ∇J_t(w) if lead = 1;  out (k, p) ← H u + M dλ for each column of U; lo … hi-1.

    sums   as `passes` left them
    Since H is symmetric, out is also u H, without penalties; see `add_penalty_shares`.
    """
    start_sums(beside.H, beside.b, w, U, columns, g, out, lo, hi)
    for a in range(len(sums)):
        add_sums(sums[a], columns, g, out, lo, hi)
    if columns.lead and len(beside.l2):
        add_penalties(beside.l2, beside.l2_columns, w, U, columns, g, out, lo, hi)


@kernel
def start_sums(H, b, w, U, columns, g, out, lo, hi):
    """The quadratic's part of `collect`; zeros if there is none."""
    if columns.lead:
        for i in range(lo, hi):
            g[i] = 0
    for c in range(columns.k):
        for i in range(lo, hi):
            out[c, i] = 0
    if len(H) == 0:
        return
    for i in range(lo, hi):
        for j in range(len(H)):
            if columns.lead:
                g[i] += H[i, j] * w[j]
            for c in range(columns.k):
                out[c, i] += H[i, j] * U[c, j]
        if columns.lead:
            g[i] -= b[i]


@kernel
def add_sums(G, columns, g, out, lo, hi):
    """Add a pass's sums, part by part, to g and out."""
    for q in range(len(G)):
        if columns.lead:
            for j in range(lo, hi):
                g[j] += G[q, 0, j]
        for c in range(columns.k):
            for j in range(lo, hi):
                out[c, j] += G[q, columns.lead + c, j]


@kernel
def add_penalties(l2, l2_columns, w, U, columns, g, out, lo, hi):
    """The L2 penalties' part of `collect`."""
    for a in range(len(l2)):
        for j in range(lo, hi):
            g[j] += l2_grad(l2[a, j], w[j])
        for c in range(columns.k):
            for j in range(lo, hi):
                dl2 = 1.0 * (l2_columns[a, j] == c)
                out[c, j] += l2_jvp(l2[a, j], w[j], U[c, j], dl2)


@kernel
def add_penalty_shares(l2, w, u, uH, b_l2, lo, hi):
    """Add the penalties' part of u H to uH (p,) and of u M to b_l2 (A, p); lo … hi-1."""
    for a in range(len(l2)):
        for j in range(lo, hi):
            to_w, to_l2 = l2_vjp(l2[a, j], w[j], u[j])
            uH[j] += to_w
            b_l2[a, j] += to_l2


@either
def add_shares(J, lam, works, sums, t, w, u, b_weights, b_heads, b_relations):
    """Add u M to the shares of λ, without penalties; after `passes` along u.

    sums         the last one receives the relations' part of u H
    b_weights    for each data loss (n,), or (0,) if its examples have no weights
    b_heads      for each data loss (outputs,), or (0,) if they have no weights
    b_relations  (K + 1, K): those of C, and in the last row those of ρ, by task; or (1, 0)
    """
    for a in range(len(J.data)):
        data, work = J.data[a], works[a]
        if len(b_weights[a]):
            rows = data.batches[t - 1] if data.batches.size else work.every
            scatter_shares(rows, work.share, b_weights[a])
        if len(b_heads[a]):
            add_parts(work.to_head, b_heads[a])
    if J.coupling.tasks:
        add_relation_shares(J.coupling, lam.relations, w, u, sums[-1][0, 0], b_relations)


@kernel
def scatter_shares(rows, share, b_weights):
    for i in range(len(rows)):
        b_weights[rows[i]] += share[i] / len(rows)


@kernel
def add_parts(parts, total):
    for q in range(len(parts)):
        for k in range(len(total)):
            total[k] += parts[q, k]
