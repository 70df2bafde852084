"""The relations between tasks on the grid, weight by weight; twin of objectives/task_coupling.py.

A thread has a weight w_jf of task j and goes over the same feature of all tasks.
"""

from __future__ import annotations

from numba import cuda

from hgref import laws
from hgref.fast.cuda.device import device_function

apart_grad, apart_jvp, apart_vjp = map(
    device_function, (laws.apart_grad, laws.apart_jvp, laws.apart_vjp)
)


@device_function
def is_coupled(lam, j):
    """Whether weight j is a task's."""
    return j < lam.C.shape[0] * lam.N


@device_function
def relation_gradient(lam, s, now, j):
    """Coordinate j < K N of ∂Ω/∂w at w = s[now, -1]."""
    top, N, task, f = s.shape[1] - 1, lam.N, j // lam.N, j % lam.N
    g = apart_grad(lam.rho, s[now, top, j], 0.0)
    for k in range(lam.C.shape[0]):
        c = lam.C[task, k] + lam.C[k, task]
        g += apart_grad(c, s[now, top, j], s[now, top, k * N + f])
    return g


@device_function
def relation_tangent(lam, s, now, u, u0, column, j):
    """Coordinate j < K N of H u + M dλ along a column u = u[u0 …] of Z."""
    top, N, task, f = s.shape[1] - 1, lam.N, j // lam.N, j % lam.N
    w, d_rho = s[now, top, j], 1.0 * (lam.rho_column == column)
    out = apart_jvp(lam.rho, w, 0.0, u[u0 + j], 0.0, d_rho)
    for k in range(lam.C.shape[0]):
        c, other = lam.C[task, k] + lam.C[k, task], k * N + f
        dc = 1.0 * (lam.C_columns[task, k] == column) + 1.0 * (lam.C_columns[k, task] == column)
        out += apart_jvp(c, w, s[now, top, other], u[u0 + j], u[u0 + other], dc)
    return out


@device_function
def relation_cotangent(lam, s, now, u, j):
    """Coordinate j < K N of u H, u (1, 1, p)."""
    top, N, task, f = s.shape[1] - 1, lam.N, j // lam.N, j % lam.N
    out = apart_vjp(lam.rho, s[now, top, j], 0.0, u[0, 0, j], 0.0)[0]
    for k in range(lam.C.shape[0]):
        c, other = lam.C[task, k] + lam.C[k, task], k * N + f
        out += apart_vjp(c, s[now, top, j], s[now, top, other], u[0, 0, j], u[0, 0, other])[0]
    return out


@device_function
def relation_shares(lam, s, now, u, b_relations):
    """A phase: b_relations (K + 1, K) ← itself and u M, of C and, task by task, of ρ."""
    K, N, top = lam.C.shape[0], lam.N, s.shape[1] - 1
    for e in range(cuda.grid(1), K * (K + 1), cuda.gridsize(1)):
        j, k = e // K, e % K
        total = 0.0
        for f in range(N):
            if j == K:
                w, v = s[now, top, k * N + f], u[0, 0, k * N + f]
                total += apart_vjp(lam.rho, w, 0.0, v, 0.0)[1]
            else:
                a, b = j * N + f, k * N + f
                w, other = s[now, top, a], s[now, top, b]
                total += apart_vjp(lam.rho, w, other, u[0, 0, a], u[0, 0, b])[1]
        b_relations[j, k] += total
