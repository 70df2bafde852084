"""The laws of the dynamics, looped over the coordinates of the state; twin of hgref.dynamics.

Each function processes the weights lo … hi-1 only: see weights.py.
"""

from __future__ import annotations

from typing import NamedTuple

from hgref import laws
from hgref.arguments import Array
from hgref.fast.cpu.compiled import by_type, compiled, kernel, summing_kernel

gd_step, gd_jvp, gd_vjp = map(compiled, (laws.gd_step, laws.gd_jvp, laws.gd_vjp))
momentum_step, momentum_jvp, momentum_vjp = map(
    compiled, (laws.momentum_step, laws.momentum_jvp, laws.momentum_vjp)
)
adam_step, adam_jvp, adam_vjp = map(compiled, (laws.adam_step, laws.adam_jvp, laws.adam_vjp))
folded, folded_jvp, folded_vjp = map(
    compiled, (laws.adam_bias_folded, laws.adam_bias_folded_jvp, laws.adam_bias_folded_vjp)
)
split, split_jvp, split_vjp = map(
    compiled, (laws.adam_bias_split, laws.adam_bias_split_jvp, laws.adam_bias_split_vjp)
)
rms_step, rms_jvp, rms_vjp = map(compiled, (laws.rms_step, laws.rms_jvp, laws.rms_vjp))


class GD(NamedTuple):
    """Gradient descent: its η.

    rates    (T, h) the hyperparameters at every step
    columns  (T, h) the column of Z for each entry of `rates`, or -1
    """

    rates: Array
    columns: Array


class Momentum(NamedTuple):
    """Momentum: η, μ, and its settings. The first fields are those of GD."""

    rates: Array
    columns: Array
    dampening: float
    decay: float
    nesterov: int


class Adam(NamedTuple):
    """Adam, AdamW: η, β1, β2, ε', ρ, and δ of a decoupled decay, which is 0 for Adam.

    split  whether the bias correction is split (torch, optax) or folded
    """

    rates: Array
    columns: Array
    split: bool


class RootOfSquares(NamedTuple):
    """RMSProp, AdaGrad: η, β, ε', ρ, and whether the squares are averaged (1) or summed (0)."""

    rates: Array
    columns: Array
    averaged: int


@compiled
def keep_at(opt, t):
    """κ: 1 − dampening, and 1 at the first step."""
    return 1.0 if t == 1 else 1.0 - opt.dampening


@compiled
def rates_at(opt, t):
    """η, β1, β2, ε', ρ, δ at step t."""
    rate = opt.rates[t - 1]
    return rate[0], rate[1], rate[2], rate[3], rate[4], rate[5]


@compiled
def root_rates_at(opt, t):
    """η, β, averaged, ε', ρ at step t."""
    rate = opt.rates[t - 1]
    return rate[0], rate[1], opt.averaged, rate[2], rate[3]


@compiled
def bias(opt, t, beta1, beta2):
    """(c1, c2)."""
    return split(t, beta1, beta2) if opt.split else folded(t, beta1, beta2)


# --- s (blocks, p) ← Φ_t(s), with g (p,) = ∇J_t(w):  step(opt, t, s, g, lo, hi) ---


@kernel
def gd_steps(opt, t, s, g, lo, hi):
    for j in range(lo, hi):
        s[0, j] = gd_step(s[0, j], g[j], opt.rates[t - 1, 0])


@kernel
def momentum_steps(opt, t, s, g, lo, hi):
    eta, mu, keep = opt.rates[t - 1, 0], opt.rates[t - 1, 1], keep_at(opt, t)
    for j in range(lo, hi):
        s[0, j], s[1, j] = momentum_step(
            s[0, j], s[1, j], g[j], eta, mu, keep, opt.decay, opt.nesterov
        )


@kernel
def adam_steps(opt, t, s, g, lo, hi):
    eta, beta1, beta2, eps, eps_root, decay = rates_at(opt, t)
    c1, c2 = bias(opt, t, beta1, beta2)
    for j in range(lo, hi):
        s[0, j], s[1, j], s[2, j] = adam_step(
            s[0, j], s[1, j], s[2, j], g[j], eta, beta1, beta2, c1, c2, eps, eps_root, decay
        )  # fmt: skip


@kernel
def root_steps(opt, t, s, g, lo, hi):
    rates = root_rates_at(opt, t)
    for j in range(lo, hi):
        s[0, j], s[1, j] = rms_step(s[0, j], s[1, j], g[j], *rates)


step = by_type(
    {GD: gd_steps, Momentum: momentum_steps, Adam: adam_steps, RootOfSquares: root_steps}
)


# --- Z (k, blocks, p) ← A_t Z + B_t:  jvp(opt, t, s, g, Z, dg, lo, hi), dg (k, p) = H dw + M dλ ---


@kernel
def gd_jvps(opt, t, s, g, Z, dg, lo, hi):
    for c in range(len(Z)):
        deta = 1.0 * (opt.columns[t - 1, 0] == c)
        for j in range(lo, hi):
            Z[c, 0, j] = gd_jvp(g[j], opt.rates[t - 1, 0], Z[c, 0, j], dg[c, j], deta)


@kernel
def momentum_jvps(opt, t, s, g, Z, dg, lo, hi):
    eta, mu, keep = opt.rates[t - 1, 0], opt.rates[t - 1, 1], keep_at(opt, t)
    for c in range(len(Z)):
        deta, dmu = 1.0 * (opt.columns[t - 1, 0] == c), 1.0 * (opt.columns[t - 1, 1] == c)
        for j in range(lo, hi):
            Z[c, 0, j], Z[c, 1, j] = momentum_jvp(
                s[0, j], s[1, j], g[j], eta, mu, keep, opt.decay, opt.nesterov,
                Z[c, 0, j], Z[c, 1, j], dg[c, j], deta, dmu,
            )  # fmt: skip


@kernel
def adam_jvps(opt, t, s, g, Z, dg, lo, hi):
    eta, beta1, beta2, eps, eps_root, decay = rates_at(opt, t)
    c1, c2 = bias(opt, t, beta1, beta2)
    for c in range(len(Z)):
        column = opt.columns[t - 1]
        deta, dbeta1, dbeta2 = (
            1.0 * (column[0] == c),
            1.0 * (column[1] == c),
            1.0 * (column[2] == c),
        )
        deps, deps_root = 1.0 * (column[3] == c), 1.0 * (column[4] == c)
        ddecay = 1.0 * (column[5] == c)
        if opt.split:
            dc1, dc2 = split_jvp(t, beta1, beta2, dbeta1, dbeta2)
        else:
            dc1, dc2 = folded_jvp(t, beta1, beta2, dbeta1, dbeta2)
        for j in range(lo, hi):
            Z[c, 0, j], Z[c, 1, j], Z[c, 2, j] = adam_jvp(
                s[0, j], s[1, j], s[2, j], g[j],
                eta, beta1, beta2, c1, c2, eps, eps_root, decay,
                Z[c, 0, j], Z[c, 1, j], Z[c, 2, j], dg[c, j],
                deta, dbeta1, dbeta2, dc1, dc2, deps, deps_root, ddecay,
            )  # fmt: skip


@kernel
def root_jvps(opt, t, s, g, Z, dg, lo, hi):
    rates = root_rates_at(opt, t)
    for c in range(len(Z)):
        column = opt.columns[t - 1]
        deta, dbeta = 1.0 * (column[0] == c), 1.0 * (column[1] == c)
        deps, deps_root = 1.0 * (column[2] == c), 1.0 * (column[3] == c)
        for j in range(lo, hi):
            Z[c, 0, j], Z[c, 1, j] = rms_jvp(
                s[0, j], g[j], *rates,
                Z[c, 0, j], Z[c, 1, j], dg[c, j], deta, dbeta, deps, deps_root,
            )  # fmt: skip


jvp = by_type({GD: gd_jvps, Momentum: momentum_jvps, Adam: adam_jvps, RootOfSquares: root_jvps})


# --- α (blocks, p) ← α A_t without its H term:  vjp(opt, t, s, g, alpha, b_g, b_rates, lo, hi) ---
#
# b_g (p,) is the row to multiply by H and M; row t - 1 of b_rates (T, h) receives the shares of the
# hyperparameters of step t.


@summing_kernel
def gd_vjps(opt, t, s, g, alpha, b_g, b_rates, lo, hi):
    to_eta = 0.0
    for j in range(lo, hi):
        alpha[0, j], b_g[j], b_eta = gd_vjp(g[j], opt.rates[t - 1, 0], alpha[0, j])
        to_eta += b_eta
    b_rates[t - 1, 0] += to_eta


@summing_kernel
def momentum_vjps(opt, t, s, g, alpha, b_g, b_rates, lo, hi):
    eta, mu, keep = opt.rates[t - 1, 0], opt.rates[t - 1, 1], keep_at(opt, t)
    to_eta, to_mu = 0.0, 0.0
    for j in range(lo, hi):
        alpha[0, j], alpha[1, j], b_g[j], b_eta, b_mu = momentum_vjp(
            s[0, j], s[1, j], g[j], eta, mu, keep, opt.decay, opt.nesterov,
            alpha[0, j], alpha[1, j],
        )  # fmt: skip
        to_eta += b_eta
        to_mu += b_mu
    b_rates[t - 1, 0] += to_eta
    b_rates[t - 1, 1] += to_mu


@summing_kernel
def adam_vjps(opt, t, s, g, alpha, b_g, b_rates, lo, hi):
    """The shares of c1 and c2 are summed first, then passed on to β1 and β2."""
    eta, beta1, beta2, eps, eps_root, decay = rates_at(opt, t)
    c1, c2 = bias(opt, t, beta1, beta2)
    to_eta, to_beta1, to_beta2, to_c1, to_c2, to_eps, to_root = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    to_decay = 0.0
    for j in range(lo, hi):
        (
            alpha[0, j], alpha[1, j], alpha[2, j], b_g[j],
            b_eta, b_beta1, b_beta2, b_c1, b_c2, b_eps, b_root, b_decay,
        ) = adam_vjp(
            s[0, j], s[1, j], s[2, j], g[j], eta, beta1, beta2, c1, c2, eps, eps_root, decay,
            alpha[0, j], alpha[1, j], alpha[2, j],
        )  # fmt: skip
        to_eta += b_eta
        to_decay += b_decay
        to_beta1 += b_beta1
        to_beta2 += b_beta2
        to_c1 += b_c1
        to_c2 += b_c2
        to_eps += b_eps
        to_root += b_root
    if opt.split:
        via1, via2 = split_vjp(t, beta1, beta2, to_c1, to_c2)
    else:
        via1, via2 = folded_vjp(t, beta1, beta2, to_c1, to_c2)
    b_rates[t - 1, 0] += to_eta
    b_rates[t - 1, 1] += to_beta1 + via1
    b_rates[t - 1, 2] += to_beta2 + via2
    b_rates[t - 1, 3] += to_eps
    b_rates[t - 1, 4] += to_root
    b_rates[t - 1, 5] += to_decay


@summing_kernel
def root_vjps(opt, t, s, g, alpha, b_g, b_rates, lo, hi):
    rates = root_rates_at(opt, t)
    to_eta, to_beta, to_eps, to_root = 0.0, 0.0, 0.0, 0.0
    for j in range(lo, hi):
        alpha[0, j], alpha[1, j], b_g[j], b_eta, b_beta, b_eps, b_root = rms_vjp(
            s[0, j], g[j], *rates, alpha[0, j], alpha[1, j]
        )
        to_eta += b_eta
        to_beta += b_beta
        to_eps += b_eps
        to_root += b_root
    b_rates[t - 1, 0] += to_eta
    b_rates[t - 1, 1] += to_beta
    b_rates[t - 1, 2] += to_eps
    b_rates[t - 1, 3] += to_root


vjp = by_type({GD: gd_vjps, Momentum: momentum_vjps, Adam: adam_vjps, RootOfSquares: root_vjps})
