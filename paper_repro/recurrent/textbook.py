"""BPTT and RTRL as in the literature: loops over single units, which share no code with hgref.

There is one sequence x(1) … x(T), units y_i(t) = tanh(net_i(t)) with y(0) = 0, and the error
E = ½ (y_0(T) − target)². The weights of unit i are the row w_i = (W_i, U_i, b_i), and its inputs
are z(t) = (y(t−1), x(t), 1), so that net_i(t) = Σ_j w_ij z_j(t).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hgref.arguments import Array

Rows = Sequence[Sequence[float]]
STEP = 3e-4  # of the differences: balances truncation, STEP⁴, against rounding, 1e-16 / STEP


def run(w: Rows, inputs: Rows) -> tuple[list[list[float]], list[list[float]]]:
    """(y(0) … y(T), z(1) … z(T))."""
    y, z = [[0.0] * len(w)], []
    for x in inputs:
        z.append([*y[-1], *x, 1.0])
        net = [sum(w_ij * z_j for w_ij, z_j in zip(w_i, z[-1], strict=True)) for w_i in w]
        y.append([math.tanh(net_i) for net_i in net])
    return y, z


def error(w: Rows, inputs: Rows, target: float) -> float:
    """The error E."""
    return (run(w, inputs)[0][-1][0] - target) ** 2 / 2


def bptt(w: Rows, inputs: Rows, target: float) -> Array:
    """∂E/∂w_ij by Werbos' ordered derivatives F_i(t) of E with respect to y_i(t), for t = T … 1.

    F_i(T) = ∂E/∂y_i(T),   F_net_i(t) = F_i(t) (1 − y_i(t)²)
    F_j(t−1) = Σ_i F_net_i(t) w_ij,   ∂E/∂w_ij = Σ_t F_net_i(t) z_j(t)
    """
    y, z = run(w, inputs)
    h, total = len(w), np.zeros((len(w), len(w[0])))
    F = [y[-1][0] - target] + [0.0] * (h - 1)
    for t in range(len(inputs), 0, -1):
        F_net = [F[i] * (1 - y[t][i] ** 2) for i in range(h)]
        for i in range(h):
            for j, z_j in enumerate(z[t - 1]):
                total[i, j] += F_net[i] * z_j
        F = [sum(F_net[i] * w[i][j] for i in range(h)) for j in range(h)]
    return total


def rtrl(w: Rows, inputs: Rows, target: float) -> Array:
    """∂E/∂w_ij by Williams and Zipser's p^k_ij(t) = ∂y_k(t)/∂w_ij, for t = 1 … T.

    p^k_ij(0) = 0,   p^k_ij(t) = (1 − y_k(t)²) (Σ_l w_kl p^l_ij(t−1) + δ_ik z_j(t))
    ∂E/∂w_ij = Σ_k ∂E/∂y_k(T) p^k_ij(T)
    """
    y, z = run(w, inputs)
    h, lines = len(w), len(w[0])
    p = np.zeros((h, h, lines))
    for t in range(1, len(inputs) + 1):
        before, p = p, np.zeros_like(p)
        for k in range(h):
            for i in range(h):
                for j in range(lines):
                    through = sum(w[k][m] * before[m, i, j] for m in range(h))
                    own = z[t - 1][j] if i == k else 0.0
                    p[k, i, j] = (1 - y[t][k] ** 2) * (through + own)
    return (y[-1][0] - target) * p[0]


def differences(w: Array, inputs: Rows, target: float, step: float = STEP) -> Array:
    """∂E/∂w_ij by fourth-order central differences."""

    def moved(i: int, j: int, by: float) -> float:
        other = w.copy()
        other[i, j] += by
        return error(other.tolist(), inputs, target)

    slopes = np.zeros_like(w)
    for i, j in np.ndindex(w.shape):
        near = moved(i, j, step) - moved(i, j, -step)
        far = moved(i, j, 2 * step) - moved(i, j, -2 * step)
        slopes[i, j] = (8 * near - far) / (12 * step)
    return slopes
