"""J_t as a whole: data losses, L2 penalties, a quadratic; twin of hgref.objectives.Sum."""

from __future__ import annotations

from typing import NamedTuple

from hgref import laws
from hgref.arguments import Array
from hgref.fast.cpu.compiled import compiled, either, kernel
from hgref.fast.cpu.features import Dense, Small, Sparse, sweep

l2_grad, l2_jvp, l2_vjp = map(compiled, (laws.l2_grad, laws.l2_jvp, laws.l2_vjp))


class Training(NamedTuple):
    """J without its hyperparameters.

    data   one entry for each data loss, at least one (perhaps without examples)
    H, b   (p, p) and (p,) of ½ wᵀHw − bᵀw; (0, 0) and (0,) for none
    """

    data: tuple[Small | Dense | Sparse, ...]
    H: Array
    b: Array


class Lam(NamedTuple):
    """The hyperparameters of J at a point λ, and which columns of Z are the derivatives in them.

    weights           for each data loss (n,) λ_i;  weight_columns: (n,) their columns, or (0,)
    l2                (A, p) each penalty's coefficient of each weight;  l2_columns: (A, p)
    """

    weights: tuple[Array, ...]
    weight_columns: tuple[Array, ...]
    l2: Array
    l2_columns: Array


@either
def gradients(J, lam, works, t, w, U, columns, kept, row, g, out):
    """g (p,) ← ∇J_t(w) where lead = 1;  out (k, p) ← H u + M dλ along each column u of U (k, p).

    kept, row   what each data loss keeps of its rows: kept[a][row], see `linear_between`
    Since H is symmetric, out is also u H, but for penalties; see `add_shares`.
    """
    start_sums(J.H, J.b, w, U, columns, g, out)
    for a in range(len(J.data)):
        place = kept[a][min(row, len(kept[a]) - 1)]
        sweep(J.data[a], works[a], t, lam.weights[a], lam.weight_columns[a], w, U, columns, place)
        add_sums(works[a].G, columns, g, out)
    if columns.lead and len(lam.l2):
        add_penalties(lam.l2, lam.l2_columns, w, U, columns, g, out)


@kernel
def start_sums(H, b, w, U, columns, g, out):
    """The quadratic's part of `gradients`; zeros where there is none."""
    for j in range(columns.lead * len(g)):
        g[j] = 0
    out[:] = 0
    for i in range(len(H)):
        for j in range(len(H)):
            if columns.lead:
                g[i] += H[i, j] * w[j]
            for c in range(columns.k):
                out[c, i] += H[i, j] * U[c, j]
        if columns.lead:
            g[i] -= b[i]


@kernel
def add_sums(G, columns, g, out):
    """Add a pass's sums, part by part, to g and out."""
    for q in range(len(G)):
        for j in range(columns.lead * len(g)):
            g[j] += G[q, 0, j]
        for c in range(columns.k):
            for j in range(out.shape[1]):
                out[c, j] += G[q, columns.lead + c, j]


@kernel
def add_penalties(l2, l2_columns, w, U, columns, g, out):
    """The L2 penalties' part of `gradients`."""
    for a in range(len(l2)):
        for j in range(len(w)):
            g[j] += l2_grad(l2[a, j], w[j])
        for c in range(columns.k):
            for j in range(len(w)):
                dl2 = 1.0 * (l2_columns[a, j] == c)
                out[c, j] += l2_jvp(l2[a, j], w[j], U[c, j], dl2)


@either
def add_shares(J, lam, works, t, w, u, uH, b_weights, b_l2):
    """Add u M to b_weights and to b_l2 (A, p); after `gradients`.

    b_weights  for each data loss (n,), or (0,) where its examples have no weights
    uH         (p,) gets the penalties' part
    """
    for a in range(len(J.data)):
        if len(b_weights[a]):
            data, work = J.data[a], works[a]
            rows = data.batches[t - 1] if data.batches.size else work.every
            scatter_shares(rows, work.share, b_weights[a])
    if len(lam.l2):
        add_penalty_shares(lam.l2, w, u, uH, b_l2)


@kernel
def scatter_shares(rows, share, b_weights):
    for i in range(len(rows)):
        b_weights[rows[i]] += share[i] / len(rows)


@kernel
def add_penalty_shares(l2, w, u, uH, b_l2):
    for a in range(len(l2)):
        for j in range(len(w)):
            to_w, to_l2 = l2_vjp(l2[a, j], w[j], u[j])
            uH[j] += to_w
            b_l2[a, j] += to_l2
