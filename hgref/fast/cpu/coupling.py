"""Relations between tasks in small problems; twin of hgref.objectives.task_coupling."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hgref import laws
from hgref.arguments import Array
from hgref.fast.cpu.compiled import inlined, leaf
from hgref.layout import Blocks
from hgref.objectives import TaskCoupling

apart_grad, apart_jvp, apart_vjp = map(inlined, (laws.apart_grad, laws.apart_jvp, laws.apart_vjp))


class Relations(NamedTuple):
    """A TaskCoupling at a λ; K tasks, or none.

    S, N, rho          (K, K) C + Cᵀ;  the length of each w_k;  ρ
    dS, drho           (K, K, k) and (k,) their tangents
    to_C, to_rho       (K, K) and (1,) receive the cotangents of C and ρ
    """

    S: Array
    N: int
    rho: float
    dS: Array
    drho: Array
    to_C: Array
    to_rho: Array


@leaf
def add_relations(of, w, U, base, g, out):
    """As `field` of small.py, for Ω: adds to g if base = 1, and to out (k, p)."""
    K, N = len(of.S), of.N
    for j in range(K):
        for i in range(j * N, (j + 1) * N):
            if base:
                g[i] += apart_grad(of.rho, w[i], 0.0)
            for c in range(len(U)):
                if base:
                    out[c, i] += apart_jvp(of.rho, w[i], 0.0, U[c, i], 0.0, of.drho[c])
                else:
                    to_w, to_rho = apart_vjp(of.rho, w[i], 0.0, U[c, i], 0.0)
                    out[c, i] += to_w
                    of.to_rho[0] += to_rho
        for other in range(j):
            add_pair(of, j, other, w, U, base, g, out)


@leaf
def add_pair(of, j, other, w, U, base, g, out):
    """The share of C_jk and C_kj."""
    N, s = of.N, of.S[j, other]
    for f in range(N):
        a, b = j * N + f, other * N + f
        if base:
            pull = apart_grad(s, w[a], w[b])
            g[a] += pull
            g[b] -= pull
        for c in range(len(U)):
            if base:
                moved = apart_jvp(s, w[a], w[b], U[c, a], U[c, b], of.dS[j, other, c])
            else:
                moved, to_c = apart_vjp(s, w[a], w[b], U[c, a], U[c, b])
                of.to_C[j, other] += to_c
                of.to_C[other, j] += to_c
            out[c, a] += moved
            out[c, b] -= moved


@inlined
def without_relations(of, w, U, base, g, out):
    """J has no TaskCoupling."""


def relations(terms: list[TaskCoupling], lam: Blocks, dlam: Blocks, k: int) -> Relations:
    """The one term at λ, with k tangents; or no tasks."""
    if not terms:
        none = np.zeros((0, 0))
        return Relations(none, 0, 0.0, np.zeros((0, 0, k)), np.zeros(k), none, np.zeros(1))
    (one,) = terms
    K = one.tasks
    S, dS = one.pairs(lam[one.C]), np.zeros((K, K, k))
    if one.C in dlam:
        dS[:] = one.pairs(dlam[one.C])
    drho = np.array(np.broadcast_to(dlam.get(one.rho, 0.0), k), float)
    about = np.array(S, float), one.N, float(lam[one.rho]), dS, drho
    return Relations(*about, np.zeros((K, K)), np.zeros(1))


def to_relations(terms: list[TaskCoupling], of: Relations) -> Blocks:
    """The cotangents of C and ρ."""
    return {
        name: np.asarray(share)
        for one in terms
        for name, share in ((one.C, one.gather(of.to_C)), (one.rho, of.to_rho[0]))
    }
