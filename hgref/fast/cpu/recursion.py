"""The three recursions over t: s_t, α_t backwards, Z_t forwards.

Small problems run them compiled, since a step takes a few microseconds; large ones run the same
text in Python, which calls compiled kernels that take a millisecond (`small`, below).

Data enter a step only through g_t. So a run that is to be gone back over keeps g_t alone: with it
the states follow again from the one at the beginning by the dynamics' own law, bit for bit, at the
cost of a few operations a weight. Momentum keeps no v, Adam no m and u.
"""

from __future__ import annotations

from hgref.fast.cpu.compiled import kernel
from hgref.fast.cpu.network import Columns
from hgref.fast.cpu.training import Beside, add_shares, passes
from hgref.fast.cpu.weights import Again, Ahead, Back, Tangents, Through, all_fine, over_weights

# works, part   scratch for passes over the data; all weights, see weights.py
# U, out (k, p) are scratch for the k columns of a recursion's passes


def run(J, lam, opt, works, part, s, first, last, tape, kept, U, out):
    """s (blocks, p) ← s_last from s_{first-1}; returns the t at which it was not finite, or 0.

    tape   (steps, p) gets g_t, or (1, p): only the last
    kept   for each data loss (steps, …) or (1, …), see `between`
    """
    columns, beside = Columns(1, 0, 1), Beside(J.H, J.b, lam.l2, lam.l2_columns)
    for t in range(first, last + 1):
        g = tape[min(t - first, len(tape) - 1)]
        passes(J, lam, works, part.sums, t, s[-1], U, columns, kept, t - first)
        over_weights(Ahead(t, s, g, U, out), part, beside, opt, columns)
        if not all_fine(part):
            return t
    return 0


def back(
    J, lam, opt, works, part, s, first, last, tape, kept, known, states, U, out, alpha, b_rates,
    b_weights, b_heads, b_relations, b_l2,
):  # fmt: skip
    """α (blocks, p) ← α_{first-1} from α_last: eq. (8); the shares of eq. (10) are added to b_….

    s       (blocks, p) s_{first-1};  tape, kept as `run` left them; known: whether kept is filled
    states  (≥ steps, blocks, p) scratch;  b_rates: (threads, T, h)
    returns the t at which α_{t-1} was not finite, or 0
    """
    columns = Columns(0 if known else 1, 1, 0)
    beside = Beside(J.H, J.b, lam.l2, lam.l2_columns)
    over_weights(Again(first, last, s, tape, states), part, beside, opt, columns)
    for t in range(last, first - 1, -1):
        row = t - first
        g, w = tape[row], states[row, -1]
        through = Through(t, states[row], g, alpha, U[0], b_rates)
        over_weights(through, part, beside, opt, columns)
        passes(J, lam, works, part.sums, t, w, U, columns, kept, row)
        add_shares(J, lam, works, part.sums, t, w, U[0], b_weights, b_heads, b_relations)
        over_weights(Back(w, g, U, out, alpha, b_l2), part, beside, opt, columns)
        if not all_fine(part):
            return t
    return 0


def tangents(J, lam, opt, works, part, s, Z, first, last, g, kept, U, out):
    """s, Z (k, blocks, p) ← s_last, Z_last from s_{first-1}, Z_{first-1}: eq. (14).

    g         (p,) scratch, of the number type of the products
    U         (k, p) the weights' part of Z
    returns   the t at which s_t or Z_t was not finite, or 0
    """
    columns, beside = Columns(1, Z.shape[0], 1), Beside(J.H, J.b, lam.l2, lam.l2_columns)
    for t in range(first, last + 1):
        passes(J, lam, works, part.sums, t, s[-1], U, columns, kept, 0)
        over_weights(Tangents(t, s, g, U, out, Z), part, beside, opt, columns)
        if not all_fine(part):
            return t
    return 0


compiled_run, compiled_back, compiled_tangents = kernel(run), kernel(back), kernel(tangents)
