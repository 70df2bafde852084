"""The three recursions over t: s_t, α_t backwards, Z_t forwards.

Small problems compile them, since a step takes a few microseconds. Large problems run the same code
in Python, which calls compiled kernels that take a millisecond each.

Data enter a step only through g_t. So the tape for the way back holds only g_t: from it and the
first state, the law of the dynamics recomputes the other states, bit for bit, with a few operations
for each weight. Momentum keeps no v, Adam no m and u.
"""

from __future__ import annotations

from hgref.fast.cpu.compiled import kernel
from hgref.fast.cpu.shapes import Panel
from hgref.fast.cpu.training import Beside, add_shares, passes
from hgref.fast.cpu.weights import Again, Ahead, Back, Tangents, Through, all_fine, over_weights

# works, part   scratch for passes over the data; all weights, see weights.py
# U, out (k, p)  scratch for the k columns of a recursion's passes


def run(J, lam, opt, works, part, s, first, last, tape, kept, U, out):
    """s (blocks, p) ← s_last from s_{first-1}; returns the first t at which it is not finite, or 0.

    tape   (steps, p) receives g_t; (1, p): only the last one
    kept   for each data loss (steps, …) or (1, …), see `network.Block`
    """
    columns, beside = Panel(1, 0, 1), Beside(J.H, J.b, lam.l2, lam.l2_columns)
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
    """α (blocks, p) ← α_{first-1} from α_last: eq. (8); adds the shares of eq. (10) to b_….

    s       (blocks, p) s_{first-1};  tape, kept as `run` left them; known: whether kept is filled
    states  (≥ steps, blocks, p) scratch;  b_rates: (threads, T, h)
    returns the t at which α_{t-1} is not finite, or 0
    """
    columns = Panel(0 if known else 1, 1, 0)
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
    returns   the t at which s_t or Z_t is not finite, or 0
    """
    columns, beside = Panel(1, Z.shape[0], 1), Beside(J.H, J.b, lam.l2, lam.l2_columns)
    for t in range(first, last + 1):
        passes(J, lam, works, part.sums, t, s[-1], U, columns, kept, 0)
        over_weights(Tangents(t, s, g, U, out, Z), part, beside, opt, columns)
        if not all_fine(part):
            return t
    return 0


compiled_run, compiled_back, compiled_tangents = kernel(run), kernel(back), kernel(tangents)
