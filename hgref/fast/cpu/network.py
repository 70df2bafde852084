"""From the first layer's sums z to what the transposed product with X wants; twin of the objectives.

A data loss is a network: z¹ = X W₁ᵀ + b₁, layers above, a head with its mean P. A linear model has
no layers above. What touches X is next door (features.py); here is what lies between the two
products with X, for a block of m rows, of w itself and of k tangent columns u¹ … u^k:

    δ  = ∂J/∂z¹                                                          the gradient's part
    dδ = tangents of δ along the columns, and of the example weights     Pearlmutter's R-operator

Both stand side by side in columns of one matrix, so that one product with X serves all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hgref import laws
from hgref.arguments import Array
from hgref.fast.cpu.compiled import by_type, compiled

SQUARES, LOGISTIC, SOFTMAX = 0, 1, 2
TANH, SOFTPLUS, RELU = 0, 1, 2

residual = compiled(laws.residual)
squares_curvature = compiled(laws.squares_curvature)
logistic_curvature = compiled(laws.logistic_curvature)
softmax_curvature = compiled(laws.softmax_curvature)
tanh_slope, tanh_bend = compiled(laws.tanh_slope), compiled(laws.tanh_bend)
softplus_slope, softplus_bend = compiled(laws.softplus_slope), compiled(laws.softplus_bend)
relu, relu_slope = compiled(laws.relu), compiled(laws.relu_slope)
hidden_jvp, hidden_vjp = compiled(laws.hidden_jvp), compiled(laws.hidden_vjp)
hidden_vjp_jvp = compiled(laws.hidden_vjp_jvp)
weighted, weighted_jvp = compiled(laws.weighted), compiled(laws.weighted_jvp)
weighted_vjp = compiled(laws.weighted_vjp)


class Linear(NamedTuple):
    """A linear model; the fields of `Layers`, which see."""

    widths: Array
    bias: bool
    activation: int
    head: int
    Y: Array


class Layers(NamedTuple):
    """A network with hidden layers: sizes and kinds.

    widths      (L + 1,) features, units of each hidden layer, outputs
    bias        whether layers have a bias
    activation  TANH, SOFTPLUS or RELU
    head        SQUARES, LOGISTIC or SOFTMAX
    Y           (n, outputs) targets
    """

    widths: Array
    bias: bool
    activation: int
    head: int
    Y: Array


class Columns(NamedTuple):
    """Which columns of matrices belong to what, in one pass over X.

    base   1: z¹ of w itself comes first; 0: it is known from before
    k      number of tangent columns
    lead   1: δ comes first in what is pulled back; 0: only the tangents
    """

    base: int
    k: int
    lead: int

def kept_width(net: Linear | Layers) -> int:
    """Numbers that one row keeps for a second visit: of each hidden unit h, x, b_h; P, Q."""
    return 3 * int(net.widths[1:-1].sum()) + (1 + (net.head == LOGISTIC)) * int(net.widths[-1])


@compiled
def layer(net, ell):
    """(first, last, end): W_l stands at first … last of w, b_l at last … end; ell = 1 … L."""
    first = 0
    for k in range(1, ell):
        first += net.widths[k] * (net.widths[k - 1] + net.bias)
    last = first + net.widths[ell] * net.widths[ell - 1]
    return first, last, last + net.widths[ell] * net.bias


@compiled
def matrix(net, ell, w, like):
    """W_l (n_l, n_{l-1}) of a flat w, in the numbers of `like`."""
    first, last, _ = layer(net, ell)
    return w[first:last].astype(like.dtype).reshape(net.widths[ell], net.widths[ell - 1])


@compiled
def hidden_part(net, kept, m, ell, which):
    """(m, n_l) of what is kept: which = 0 for h, 1 for x (see `slope`), 2 for b_h of layer ell."""
    first = 0
    for k in range(1, ell):
        first += 3 * m * net.widths[k]
    size = m * net.widths[ell]
    return kept[first + which * size : first + (which + 1) * size].reshape(m, net.widths[ell])


@compiled
def head_parts(net, kept, m):
    """P, Q (m, outputs) of what is kept; only LOGISTIC has a Q of its own."""
    size = m * net.widths[-1]
    Q = kept[len(kept) - size :]
    P = kept[len(kept) - 2 * size : len(kept) - size] if net.head == LOGISTIC else Q
    return P.reshape(m, net.widths[-1]), Q.reshape(m, net.widths[-1])


@compiled
def activate(kind, z, at, h, x):
    """h = a(z) of the columns at … of z, and the x of which a' and a'' are made besides h."""
    m, n = h.shape
    for i in range(m):
        for j in range(n):
            y = z[i, at + j]
            x[i, j] = y
            if kind == TANH:
                h[i, j] = np.tanh(y)
            elif kind == SOFTPLUS:
                h[i, j] = max(y, 0 * y) + np.log1p(np.exp(-abs(y)))
                x[i, j] = 1 / (1 + np.exp(-y))
            else:
                h[i, j] = relu(y)


@compiled
def slope(kind, h, x):
    """a'(z): x is σ(z) for SOFTPLUS, else z."""
    if kind == TANH:
        return tanh_slope(h)
    if kind == SOFTPLUS:
        return softplus_slope(x)
    return relu_slope(x)


@compiled
def bend(kind, h, x):
    """a''(z)."""
    if kind == TANH:
        return tanh_bend(h)
    if kind == SOFTPLUS:
        return softplus_bend(x, 1 - x)
    return 0 * h


@compiled
def mean(kind, z, P, Q):
    """P (m, K), the mean of the prediction z (m, ≥ K): z, σ(z) with Q = σ(−z), softmax(z)."""
    m, K = P.shape
    for i in range(m):
        if kind == SQUARES:
            for k in range(K):
                P[i, k] = z[i, k]
        elif kind == LOGISTIC:
            for k in range(K):
                small = np.exp(-abs(z[i, k]))
                far, near = small / (1 + small), 1 / (1 + small)
                P[i, k] = near if z[i, k] > 0 else far
                Q[i, k] = far if z[i, k] > 0 else near
        else:
            top = z[i, 0]
            for k in range(1, K):
                top = max(top, z[i, k])
            total = 0 * top
            for k in range(K):
                P[i, k] = np.exp(z[i, k] - top)
                total += P[i, k]
            for k in range(K):
                P[i, k] /= total


@compiled
def head_cotangent(net, rows, c, P, out, at):
    """Columns at … of out ← c_i r_i."""
    m, K = P.shape
    for i in range(m):
        for k in range(K):
            out[i, at + k] = weighted(c[i], residual(P[i, k], net.Y[rows[i], k]))


@compiled
def head_tangent(net, rows, c, c_column, column, B, P, Q, dz, from_, out, at, share):
    """Columns at … of out ← c_i C_i dz_i + dc_i r_i; share_i += r_i · dz_i / B, which is (u M)_i.

    dz is in the columns from_ …; dc_i is 1/B where this column is the derivative in weight i,
    as c_column (n,) tells; it is empty where no column is.
    """
    m, K = P.shape
    for i in range(m):
        dc = 0 * c[i]
        if len(c_column):
            dc = c.dtype.type((c_column[rows[i]] == column) / B)
        mean_dz = 0 * c[i]
        if net.head == SOFTMAX:
            for k in range(K):
                mean_dz += P[i, k] * dz[i, from_ + k]
        to_weight = 0 * c[i]
        for k in range(K):
            d = dz[i, from_ + k]
            if net.head == SOFTMAX:
                dr = softmax_curvature(P[i, k], d, mean_dz)
            elif net.head == LOGISTIC:
                dr = logistic_curvature(P[i, k], Q[i, k], d)
            else:
                dr = squares_curvature(d)
            r = residual(P[i, k], net.Y[rows[i], k])
            out[i, at + k] = weighted_jvp(c[i], r, dr, dc) if len(c_column) else weighted(c[i], dr)
            to_weight += weighted_vjp(c[i], r, d)[1]
        share[i] += to_weight / B


@compiled
def linear_between(net, rows, c, c_column, B, z, r, w, U, columns, kept, G, share):
    """The part of a pass that does not touch X, for m rows of a linear model.

    rows     (m,) which examples;  c (m,) λ_i/B;  c_column (n,), B: see head_tangent
    z        (m, (base + k)·n₁) sums of the first layer: of w where base = 1, then of each column
    r        (m, (lead + k)·n₁) is filled: δ where lead = 1, then dδ of each column
    w, U     (p,), (k, p)
    kept     (m · width,) is filled where base = 1; else it is so from a visit at the same w
    G        (lead + k, p) layers above the first add their gradients here
    share    (m,) see head_tangent
    """
    m, K = len(rows), net.widths[-1]
    P, Q = head_parts(net, kept, m)
    if columns.base:
        mean(net.head, z, P, Q)
    if columns.lead:
        head_cotangent(net, rows, c, P, r, 0)
    for j in range(columns.k):
        source, target = (columns.base + j) * K, (columns.lead + j) * K
        head_tangent(net, rows, c, c_column, j, B, P, Q, z, source, r, target, share)


@compiled
def layers_between(net, rows, c, c_column, B, z, r, w, U, columns, kept, G, share):
    """`linear_between` where there are hidden layers: up, down, and once more for each column."""
    m, L, n1 = len(rows), len(net.widths) - 1, net.widths[1]
    P, Q = head_parts(net, kept, m)
    if columns.base:
        upwards(net, z, w, kept, P, Q)
    delta = np.empty_like(P)
    head_cotangent(net, rows, c, P, delta, 0)
    for ell in range(L, 1, -1):
        if columns.lead:
            add_layer(net, ell, delta, hidden_part(net, kept, m, ell - 1, 0), G[0])
        b_h = hidden_part(net, kept, m, ell - 1, 2)
        if columns.base:
            b_h[:] = np.dot(delta, matrix(net, ell, w, z))
        h, x = hidden_part(net, kept, m, ell - 1, 0), hidden_part(net, kept, m, ell - 1, 1)
        delta = hidden_cotangent(net.activation, h, x, b_h)
    if columns.lead:
        r[:, :n1] = delta
    for j in range(columns.k):
        tangent_between(net, rows, c, c_column, B, z, r, w, U, columns, kept, G, share, P, Q, j)


between = by_type({Linear: linear_between, Layers: layers_between})


@compiled
def upwards(net, z, w, kept, P, Q):
    """h of every hidden layer and P, from the first layer's sums."""
    m, L = len(P), len(net.widths) - 1
    activate(net.activation, z, 0, hidden_part(net, kept, m, 1, 0), hidden_part(net, kept, m, 1, 1))
    for ell in range(2, L + 1):
        above = sums(net, ell, hidden_part(net, kept, m, ell - 1, 0), w)
        if ell < L:
            h, x = hidden_part(net, kept, m, ell, 0), hidden_part(net, kept, m, ell, 1)
            activate(net.activation, above, 0, h, x)
        else:
            mean(net.head, above, P, Q)


@compiled
def sums(net, ell, h, w):
    """h W_lᵀ + b_l."""
    z = np.dot(h, matrix(net, ell, w, h).T)
    _, last, end = layer(net, ell)
    for i in range(len(z)):
        for k in range(end - last):
            z[i, k] += w[last + k]
    return z


@compiled
def hidden_tangent(kind, h, x, dz):
    """The tangents of a hidden layer's units from those of its sums."""
    out = np.empty_like(dz)
    for i in range(dz.shape[0]):
        for j in range(dz.shape[1]):
            out[i, j] = hidden_jvp(slope(kind, h[i, j], x[i, j]), dz[i, j])
    return out


@compiled
def hidden_cotangent(kind, h, x, b_h):
    """The cotangents of a hidden layer's sums from those of its units."""
    out = np.empty_like(b_h)
    for i in range(b_h.shape[0]):
        for j in range(b_h.shape[1]):
            out[i, j] = hidden_vjp(slope(kind, h[i, j], x[i, j]), b_h[i, j])
    return out


@compiled
def hidden_cotangent_tangent(kind, h, x, dz, b_h, db_h):
    """The tangents of `hidden_cotangent`, in which the slopes move as well."""
    out = np.empty_like(db_h)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            a1, a2 = slope(kind, h[i, j], x[i, j]), bend(kind, h[i, j], x[i, j])
            out[i, j] = hidden_vjp_jvp(a1, a2, dz[i, j], b_h[i, j], db_h[i, j])
    return out


@compiled
def add_layer(net, ell, delta, h, g):
    """Add δᵀ h and Σ δ to W_l's and b_l's part of g (p,)."""
    first, last, end = layer(net, ell)
    g[first:last] += np.dot(delta.T, h).reshape(last - first)
    add_bias(net, ell, delta, 0, g)


@compiled
def add_bias(net, ell, delta, at, g):
    """Add Σ_i δ_i, of the columns at … of delta, to b_l's part of g (p,)."""
    _, last, end = layer(net, ell)
    for i in range(len(delta)):
        for k in range(end - last):
            g[last + k] += delta[i, at + k]


@compiled
def tangent_between(net, rows, c, c_column, B, z, r, w, U, columns, kept, G, share, P, Q, j):
    """Pearlmutter's R-operator of the layers above the first, along column j."""
    m, L, n1 = len(rows), len(net.widths) - 1, net.widths[1]
    u, g = U[j], G[columns.lead + j]
    source, target = (columns.base + j) * n1, (columns.lead + j) * n1
    dz = [z[:, source : source + n1].copy()]
    dh = [dz[0]]  # of the features: not used, they do not move
    for ell in range(2, L + 1):
        h, x = hidden_part(net, kept, m, ell - 1, 0), hidden_part(net, kept, m, ell - 1, 1)
        dh.append(hidden_tangent(net.activation, h, x, dz[-1]))
        dz.append(sums(net, ell, h, u) + np.dot(dh[-1], matrix(net, ell, w, z).T))
    delta, ddelta = np.empty_like(P), np.empty_like(P)
    head_cotangent(net, rows, c, P, delta, 0)
    head_tangent(net, rows, c, c_column, j, B, P, Q, dz[-1], 0, ddelta, 0, share)
    for ell in range(L, 1, -1):
        h, x = hidden_part(net, kept, m, ell - 1, 0), hidden_part(net, kept, m, ell - 1, 1)
        b_h = hidden_part(net, kept, m, ell - 1, 2)
        add_layer(net, ell, ddelta, h, g)
        first, last, _ = layer(net, ell)
        g[first:last] += np.dot(delta.T, dh[ell - 1]).reshape(last - first)
        db_h = np.dot(ddelta, matrix(net, ell, w, z)) + np.dot(delta, matrix(net, ell, u, z))
        delta = hidden_cotangent(net.activation, h, x, b_h)
        ddelta = hidden_cotangent_tangent(net.activation, h, x, dz[ell - 2], b_h, db_h)
    r[:, target : target + n1] = ddelta
