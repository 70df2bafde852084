"""The device functions of a dynamics for one weight, written from its law by hgref.fast.loops.

A thread has a coordinate j. States are (…, blocks, p): `old` and `new` are the indices of s_{t-1}
and s_t. `opt` is hgref.fast.cuda.arrays.Optimizer.

    step(opt, t, s, old, new, j, g)         s[new, :, j] ← Φ_t(s[old])
    jvp(opt, t, s, old, c, j, g, Z, dg)     Z[c, :, j] ← A_t Z + B_t, with dg = H dw + M dλ
    vjp(opt, t, s, old, j, g, alpha, sums)  alpha[:, j] ← α A_t without its H term; returns the row
                                            to multiply by H, M; sums (R,) += cotangents of the
                                            numbers of the law
"""

from __future__ import annotations

from collections.abc import Sequence

from hgref.dynamics.coordinatewise import Law
from hgref.fast.cuda.device import device_function
from hgref.fast.loops import Form, Loops, written

CUDA = Form(
    state="s[old, {i}, j]", tangent="Z[c, {i}, j]", cotangent="alpha[{i}, j]",
    g="g", dg="dg", b_g="b_g", number="opt.numbers[t - 1, {i}]",
    dnumber="number_tangent(opt, t, {i}, c)", new="s[new, {i}, j]",
    step="""\
def step(opt, t, s, old, new, j, g):
    {state} = {call}
""",
    jvp="""\
def jvp(opt, t, s, old, c, j, g, Z, dg):
    {tangent} = {call}
""",
    vjp="""\
def vjp(opt, t, s, old, j, g, alpha, sums):
    {found} = {call}
    {add}
    return b_g
""",
)  # fmt: skip


@device_function
def number_tangent(opt, t, r, c):
    """The tangent of number r of the law at step t, along column c of Z."""
    total = 0.0
    for h in range(opt.columns.shape[1]):
        if opt.columns[t - 1, h] == c:
            total += opt.slopes[t - 1, r, h]
    return total


def functions_of(law: Law, state: Sequence[str]) -> Loops:
    """The three device functions of a law."""
    each = dict.fromkeys(("step", "jvp", "vjp"), device_function)
    return written(law, state, CUDA, device_function, each, number_tangent=number_tangent)
