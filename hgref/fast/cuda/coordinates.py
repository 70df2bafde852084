"""The laws of the dynamics for one coordinate of the state; twin of hgref.dynamics.

A thread has a coordinate j. States are (…, blocks, p): `old` and `new` are the indices of s_{t-1}
and s_t. Hyperparameters are those of hgref.fast.cpu.coordinates: rates (T, h), columns (T, h).

Each dynamics has

    step(opt, t, s, old, new, j, g)         s[new, :, j] ← Φ_t(s[old])
    jvp(opt, t, s, old, c, j, g, Z, dg)     Z[c, :, j] ← A_t Z + B_t, with dg = H dw + M dλ
    vjp(opt, t, s, old, j, g, alpha, sums)  alpha[:, j] ← α A_t without its H term; returns the row
                                            to multiply by H, M; sums += shares of the rates
    shares(opt, t, sums, b_rates)           b_rates[t - 1] += the grid's sums
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hgref import laws
from hgref.fast.cuda.device import device_function

SUMS = 8  # at most: shares of η, β1, β2, ε, ε_root, δ, c1, c2

gd_step, gd_jvp, gd_vjp = map(device_function, (laws.gd_step, laws.gd_jvp, laws.gd_vjp))
momentum_step, momentum_jvp, momentum_vjp = map(
    device_function, (laws.momentum_step, laws.momentum_jvp, laws.momentum_vjp)
)
adam_step, adam_jvp, adam_vjp = map(device_function, (laws.adam_step, laws.adam_jvp, laws.adam_vjp))
folded, folded_jvp, folded_vjp = map(
    device_function, (laws.adam_bias_folded, laws.adam_bias_folded_jvp, laws.adam_bias_folded_vjp)
)
split, split_jvp, split_vjp = map(
    device_function, (laws.adam_bias_split, laws.adam_bias_split_jvp, laws.adam_bias_split_vjp)
)
rms_step, rms_jvp, rms_vjp = map(device_function, (laws.rms_step, laws.rms_jvp, laws.rms_vjp))


class Dynamics(NamedTuple):
    """The device functions of a dynamics."""

    step: Any
    jvp: Any
    vjp: Any
    shares: Any


# --- gradient descent ---


@device_function
def gd_steps(opt, t, s, old, new, j, g):
    s[new, 0, j] = gd_step(s[old, 0, j], g, opt.rates[t - 1, 0])


@device_function
def gd_jvps(opt, t, s, old, c, j, g, Z, dg):
    deta = 1.0 * (opt.columns[t - 1, 0] == c)
    Z[c, 0, j] = gd_jvp(g, opt.rates[t - 1, 0], Z[c, 0, j], dg, deta)


@device_function
def gd_vjps(opt, t, s, old, j, g, alpha, sums):
    alpha[0, j], b_g, b_eta = gd_vjp(g, opt.rates[t - 1, 0], alpha[0, j])
    sums[0] += b_eta
    return b_g


@device_function
def gd_shares(opt, t, sums, b_rates):
    b_rates[t - 1, 0] += sums[0]


# --- momentum ---


@device_function
def keep_at(opt, t):
    """κ: 1 − dampening, and 1 at the first step."""
    return 1.0 if t == 1 else 1.0 - opt.dampening


@device_function
def momentum_steps(opt, t, s, old, new, j, g):
    eta, mu = opt.rates[t - 1, 0], opt.rates[t - 1, 1]
    s[new, 0, j], s[new, 1, j] = momentum_step(
        s[old, 0, j], s[old, 1, j], g, eta, mu, keep_at(opt, t), opt.decay, opt.nesterov
    )


@device_function
def momentum_jvps(opt, t, s, old, c, j, g, Z, dg):
    eta, mu = opt.rates[t - 1, 0], opt.rates[t - 1, 1]
    deta, dmu = 1.0 * (opt.columns[t - 1, 0] == c), 1.0 * (opt.columns[t - 1, 1] == c)
    Z[c, 0, j], Z[c, 1, j] = momentum_jvp(
        s[old, 0, j], s[old, 1, j], g, eta, mu, keep_at(opt, t), opt.decay, opt.nesterov,
        Z[c, 0, j], Z[c, 1, j], dg, deta, dmu,
    )  # fmt: skip


@device_function
def momentum_vjps(opt, t, s, old, j, g, alpha, sums):
    eta, mu = opt.rates[t - 1, 0], opt.rates[t - 1, 1]
    alpha[0, j], alpha[1, j], b_g, b_eta, b_mu = momentum_vjp(
        s[old, 0, j], s[old, 1, j], g, eta, mu, keep_at(opt, t), opt.decay, opt.nesterov,
        alpha[0, j], alpha[1, j],
    )  # fmt: skip
    sums[0] += b_eta
    sums[1] += b_mu
    return b_g


@device_function
def momentum_shares(opt, t, sums, b_rates):
    b_rates[t - 1, 0] += sums[0]
    b_rates[t - 1, 1] += sums[1]


# --- Adam, AdamW ---


@device_function
def rates_at(opt, t):
    """η, β1, β2, c1, c2, ε', ρ, δ at step t."""
    eta, beta1, beta2 = opt.rates[t - 1, 0], opt.rates[t - 1, 1], opt.rates[t - 1, 2]
    c1, c2 = split(t, beta1, beta2) if opt.split else folded(t, beta1, beta2)
    rates = opt.rates
    return eta, beta1, beta2, c1, c2, rates[t - 1, 3], rates[t - 1, 4], rates[t - 1, 5]


@device_function
def adam_steps(opt, t, s, old, new, j, g):
    eta, beta1, beta2, c1, c2, eps, eps_root, decay = rates_at(opt, t)
    s[new, 0, j], s[new, 1, j], s[new, 2, j] = adam_step(
        s[old, 0, j], s[old, 1, j], s[old, 2, j], g,
        eta, beta1, beta2, c1, c2, eps, eps_root, decay,
    )  # fmt: skip


@device_function
def adam_jvps(opt, t, s, old, c, j, g, Z, dg):
    eta, beta1, beta2, c1, c2, eps, eps_root, decay = rates_at(opt, t)
    deta, dbeta1 = 1.0 * (opt.columns[t - 1, 0] == c), 1.0 * (opt.columns[t - 1, 1] == c)
    dbeta2, deps = 1.0 * (opt.columns[t - 1, 2] == c), 1.0 * (opt.columns[t - 1, 3] == c)
    deps_root, ddecay = 1.0 * (opt.columns[t - 1, 4] == c), 1.0 * (opt.columns[t - 1, 5] == c)
    if opt.split:
        dc1, dc2 = split_jvp(t, beta1, beta2, dbeta1, dbeta2)
    else:
        dc1, dc2 = folded_jvp(t, beta1, beta2, dbeta1, dbeta2)
    Z[c, 0, j], Z[c, 1, j], Z[c, 2, j] = adam_jvp(
        s[old, 0, j], s[old, 1, j], s[old, 2, j], g,
        eta, beta1, beta2, c1, c2, eps, eps_root, decay,
        Z[c, 0, j], Z[c, 1, j], Z[c, 2, j], dg,
        deta, dbeta1, dbeta2, dc1, dc2, deps, deps_root, ddecay,
    )  # fmt: skip


@device_function
def adam_vjps(opt, t, s, old, j, g, alpha, sums):
    eta, beta1, beta2, c1, c2, eps, eps_root, decay = rates_at(opt, t)
    (
        alpha[0, j], alpha[1, j], alpha[2, j], b_g,
        b_eta, b_beta1, b_beta2, b_c1, b_c2, b_eps, b_root, b_decay,
    ) = adam_vjp(
        s[old, 0, j], s[old, 1, j], s[old, 2, j], g,
        eta, beta1, beta2, c1, c2, eps, eps_root, decay,
        alpha[0, j], alpha[1, j], alpha[2, j],
    )  # fmt: skip
    sums[0] += b_eta
    sums[1] += b_beta1
    sums[2] += b_beta2
    sums[3] += b_eps
    sums[4] += b_root
    sums[5] += b_decay
    sums[6] += b_c1
    sums[7] += b_c2
    return b_g


@device_function
def adam_shares(opt, t, sums, b_rates):
    """The shares of c1 and c2 are passed on to β1 and β2."""
    beta1, beta2 = opt.rates[t - 1, 1], opt.rates[t - 1, 2]
    if opt.split:
        via1, via2 = split_vjp(t, beta1, beta2, sums[6], sums[7])
    else:
        via1, via2 = folded_vjp(t, beta1, beta2, sums[6], sums[7])
    b_rates[t - 1, 0] += sums[0]
    b_rates[t - 1, 1] += sums[1] + via1
    b_rates[t - 1, 2] += sums[2] + via2
    b_rates[t - 1, 3] += sums[3]
    b_rates[t - 1, 4] += sums[4]
    b_rates[t - 1, 5] += sums[5]


# --- RMSProp, AdaGrad ---


@device_function
def root_rates_at(opt, t):
    """η, β, averaged, ε', ρ at step t."""
    rates = opt.rates
    return rates[t - 1, 0], rates[t - 1, 1], opt.averaged, rates[t - 1, 2], rates[t - 1, 3]


@device_function
def root_steps(opt, t, s, old, new, j, g):
    s[new, 0, j], s[new, 1, j] = rms_step(s[old, 0, j], s[old, 1, j], g, *root_rates_at(opt, t))


@device_function
def root_jvps(opt, t, s, old, c, j, g, Z, dg):
    deta, dbeta = 1.0 * (opt.columns[t - 1, 0] == c), 1.0 * (opt.columns[t - 1, 1] == c)
    deps, deps_root = 1.0 * (opt.columns[t - 1, 2] == c), 1.0 * (opt.columns[t - 1, 3] == c)
    Z[c, 0, j], Z[c, 1, j] = rms_jvp(
        s[old, 0, j], g, *root_rates_at(opt, t),
        Z[c, 0, j], Z[c, 1, j], dg, deta, dbeta, deps, deps_root,
    )  # fmt: skip


@device_function
def root_vjps(opt, t, s, old, j, g, alpha, sums):
    alpha[0, j], alpha[1, j], b_g, b_eta, b_beta, b_eps, b_root = rms_vjp(
        s[old, 0, j], g, *root_rates_at(opt, t), alpha[0, j], alpha[1, j]
    )
    sums[0] += b_eta
    sums[1] += b_beta
    sums[2] += b_eps
    sums[3] += b_root
    return b_g


@device_function
def root_shares(opt, t, sums, b_rates):
    b_rates[t - 1, 0] += sums[0]
    b_rates[t - 1, 1] += sums[1]
    b_rates[t - 1, 2] += sums[2]
    b_rates[t - 1, 3] += sums[3]


GD = Dynamics(gd_steps, gd_jvps, gd_vjps, gd_shares)
MOMENTUM = Dynamics(momentum_steps, momentum_jvps, momentum_vjps, momentum_shares)
ADAM = Dynamics(adam_steps, adam_jvps, adam_vjps, adam_shares)
ROOT_OF_SQUARES = Dynamics(root_steps, root_jvps, root_vjps, root_shares)
