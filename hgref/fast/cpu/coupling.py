"""The relations between tasks, pair by pair; twin of hgref.objectives.task_coupling."""

from __future__ import annotations

from typing import NamedTuple

from hgref import laws
from hgref.arguments import Array
from hgref.fast.cpu.compiled import compiled, kernel, summing_kernel

apart_grad, apart_jvp = compiled(laws.apart_grad), compiled(laws.apart_jvp)
apart_vjp = compiled(laws.apart_vjp)


class Coupling(NamedTuple):
    """K tasks with N weights each, the first of w; (0, 0) for none."""

    tasks: int
    features: int


class Relations(NamedTuple):
    """C (K, K) and ρ at a point λ, and their columns of Z, or -1."""

    C: Array
    C_columns: Array
    rho: float
    rho_column: int


@kernel
def couple(coupling, relations, w, U, columns, G):
    """G (1 + k, p) ← ∂Ω/∂w, then H u + M dλ along each column u of U."""
    K, N, C = coupling.tasks, coupling.features, relations.C
    for j in range(K):
        for f in range(j * N, (j + 1) * N):
            G[0, f] = apart_grad(relations.rho, w[f], 0.0)
        for k in range(K):
            a, b, c = j * N, k * N, C[j, k] + C[k, j]
            for f in range(N):
                G[0, a + f] += apart_grad(c, w[a + f], w[b + f])
    for i in range(columns.k):
        couple_tangent(coupling, relations, w, U[i], i, G[1 + i])


@kernel
def couple_tangent(coupling, relations, w, u, i, out):
    """out (p,) ← H u + M dλ, with the dλ of column i."""
    K, N, C = coupling.tasks, coupling.features, relations.C
    d_rho = 1.0 * (relations.rho_column == i)
    for j in range(K):
        for f in range(j * N, (j + 1) * N):
            out[f] = apart_jvp(relations.rho, w[f], 0.0, u[f], 0.0, d_rho)
        for k in range(K):
            a, b, c = j * N, k * N, C[j, k] + C[k, j]
            dc = 1.0 * (relations.C_columns[j, k] == i) + 1.0 * (relations.C_columns[k, j] == i)
            for f in range(N):
                out[a + f] += apart_jvp(c, w[a + f], w[b + f], u[a + f], u[b + f], dc)


@summing_kernel
def add_relation_shares(coupling, relations, w, u, uH, b_relations):
    """uH (p,) ← u H;  b_relations (K + 1, K) += u M: those of C, and in the last row those of ρ."""
    K, N, C = coupling.tasks, coupling.features, relations.C
    for j in range(K):
        to_rho = 0.0
        for f in range(j * N, (j + 1) * N):
            uH[f], share = apart_vjp(relations.rho, w[f], 0.0, u[f], 0.0)
            to_rho += share
        b_relations[K, j] += to_rho
        for k in range(K):
            a, b, c, to_pair = j * N, k * N, C[j, k] + C[k, j], 0.0
            for f in range(N):
                to_row, share = apart_vjp(c, w[a + f], w[b + f], u[a + f], u[b + f])
                uH[a + f] += to_row
                to_pair += share
            b_relations[j, k] += to_pair
