"""The three recursions over t: s_t, α_t backwards, Z_t forwards.

Small problems run them compiled, since a step takes a few microseconds; large ones run the same
text in Python, which calls compiled kernels that take a millisecond (`small`, below).

Data enter a step only through g_t. So a run that is to be gone back over keeps g_t alone: with it
the states follow again from the one at the beginning by the dynamics' own law, bit for bit, at the
cost of a few operations a weight. Momentum keeps no v, Adam no m and u.
"""

from __future__ import annotations

import numpy as np

from hgref.fast.cpu.compiled import kernel
from hgref.fast.cpu.coordinates import jvp, step, vjp
from hgref.fast.cpu.network import Columns
from hgref.fast.cpu.training import add_shares, gradients


@kernel
def all_finite(x):
    """Whether no number of x (…) is NaN or infinite."""
    flat = x.reshape(-1)
    bad = False
    for j in range(flat.size):
        bad |= not (abs(flat[j]) < np.inf)
    return not bad


@kernel
def copy(to, x):
    """to ← x; both contiguous."""
    a, b = to.reshape(-1), x.reshape(-1)
    for j in range(a.size):
        a[j] = b[j]


@kernel
def add(to, x):
    """to (p,) ← to + x."""
    for j in range(to.size):
        to[j] += x[j]


# U, out (k, p) are scratch for the k columns of a recursion's passes.


def run(J, lam, opt, works, s, first, last, tape, kept, U, out):
    """s (blocks, p) ← s_last from s_{first-1}; returns the t at which it was not finite, or 0.

    tape   (steps, p) gets g_t, or (1, p): only the last
    kept   for each data loss (steps, …) or (1, …), see `between`
    """
    columns = Columns(1, 0, 1)
    for t in range(first, last + 1):
        g = tape[min(t - first, len(tape) - 1)]
        gradients(J, lam, works, t, s[-1], U, columns, kept, t - first, g, out)
        step(opt, t, s, g)
        if not all_finite(s):
            return t
    return 0


def back(
    J, lam, opt, works, s, first, last, tape, kept, known, states, U, out, alpha, b_rates,
    b_weights, b_l2,
):  # fmt: skip
    """α (blocks, p) ← α_{first-1} from α_last: eq. (8); the shares of eq. (10) are added to b_….

    s       (blocks, p) s_{first-1};  tape, kept as `run` left them; known: whether kept is filled
    states  (≥ steps, blocks, p) scratch
    returns the t at which α_{t-1} was not finite, or 0
    """
    columns = Columns(0 if known else 1, 1, 0)
    copy(states[0], s)
    for t in range(first, last):
        copy(states[t - first + 1], states[t - first])
        step(opt, t, states[t - first + 1], tape[t - first])
    for t in range(last, first - 1, -1):
        row = t - first
        g, w = tape[row], states[row, -1]
        vjp(opt, t, states[row], g, alpha, U[0], b_rates)
        gradients(J, lam, works, t, w, U, columns, kept, row, g, out)
        add_shares(J, lam, works, t, w, U[0], out[0], b_weights, b_l2)
        add(alpha[-1], out[0])
        if not all_finite(alpha):
            return t
    return 0


def tangents(J, lam, opt, works, s, Z, first, last, g, kept, U, out):
    """s, Z (k, blocks, p) ← s_last, Z_last from s_{first-1}, Z_{first-1}: eq. (14).

    g         (p,) scratch, of the number type of the products
    returns   the t at which s_t was not finite, -t where Z_t was not, or 0
    """
    k = Z.shape[0]
    columns = Columns(1, k, 1)
    for t in range(first, last + 1):
        for c in range(k):
            copy(U[c], Z[c, -1])
        gradients(J, lam, works, t, s[-1], U, columns, kept, 0, g, out)
        jvp(opt, t, s, g, Z, out)
        step(opt, t, s, g)
        if not all_finite(s):
            return t
        if not all_finite(Z):
            return -t
    return 0


compiled_run, compiled_back, compiled_tangents = kernel(run), kernel(back), kernel(tangents)
