"""Everything between the two products with X, from z to its cotangent δ; twin of objectives/.

A data loss is a network: z¹ = W₁ Xᵀ + b₁, layers above, a head with its mean P. A linear model has
no layers above. The products with X are in features.py; here is what lies between them, for a
block of m examples, for w itself and for k tangent columns u¹ … u^k:

    δ  = ∂J/∂z¹                                                          the gradient's part
    dδ = tangents of δ along the columns, and of the example weights     Pearlmutter's R-operator

Both are rows of one matrix, so that one product with X serves all. Matrices here are units ×
examples: the loops over the examples of a block run through contiguous memory and vectorise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hgref import laws
from hgref.arguments import Array
from hgref.fast.cpu.compiled import allocating, by_type, compiled, summing, viewing
from hgref.fast.cpu.exponential import exponentials
from hgref.fast.cpu.shapes import kept_numbers

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
    """A linear model; for the fields see `Layers`."""

    widths: Array
    bias: bool
    activation: int
    head: int
    classes: int
    Y: Array


class Layers(NamedTuple):
    """A network with hidden layers: sizes and kinds.

    widths      (L + 1,) features, units of each hidden layer, outputs
    bias        whether layers have a bias
    activation  TANH, SOFTPLUS or RELU
    head        SQUARES, LOGISTIC or SOFTMAX: of the first outputs, `classes` of them
    classes     outputs after them are of a second head, SQUARES
    Y           (outputs, n) targets
    """

    widths: Array
    bias: bool
    activation: int
    head: int
    classes: int
    Y: Array


class Factors(NamedTuple):
    """What the residual of example i and output o is multiplied by: λ_i h_o / B.

    examples   (n,) λ_i;  example_columns: (n,) the column of Z for each, or -1; (0,) if no
               example has one
    outputs    (outputs,) h_o;  output_columns: likewise
    """

    examples: Array
    example_columns: Array
    outputs: Array
    output_columns: Array


class Block(NamedTuple):
    """The m examples of a block.

    rows     (m,) their indices
    c        (m,) λ_i/B
    factors  of all examples and outputs
    B        examples in the whole step
    share    (m,) B times u M for each λ_i is added here; (0,) if not requested
    to_head  (outputs,) likewise u M for h_o
    kept     (m · width,) filled if base = 1; else still filled from a pass at the same w
    P, Q     (outputs, m) parts of it: the mean, and σ(−z) for LOGISTIC
    """

    rows: Array
    c: Array
    factors: Factors
    B: int
    share: Array
    to_head: Array
    kept: Array
    P: Array
    Q: Array


def kept_width(net: Linear | Layers) -> int:
    """Numbers that one row keeps for a second pass: h, x, b_h of each hidden unit; P, Q."""
    return kept_numbers(int(net.widths[1:-1].sum()), int(net.widths[-1]), net.head == LOGISTIC)


@compiled
def layer(net, ell):
    """(first, last, end): W_l stands at first … last of w, b_l at last … end; ell = 1 … L."""
    first = 0
    for k in range(1, ell):
        first += net.widths[k] * (net.widths[k - 1] + net.bias)
    last = first + net.widths[ell] * net.widths[ell - 1]
    return first, last, last + net.widths[ell] * net.bias


@allocating
def matrix(net, ell, w, like):
    """W_l (n_l, n_{l-1}) of a flat w, in the numbers of `like`."""
    first, last, _ = layer(net, ell)
    return w[first:last].astype(like.dtype).reshape(net.widths[ell], net.widths[ell - 1])


@allocating
def hidden_part(net, kept, m, ell, which):
    """(n_l, m) of what is kept: which = 0 for h, 1 for x (see `slope`), 2 for b_h of layer ell."""
    first = 0
    for k in range(1, ell):
        first += 3 * m * net.widths[k]
    size = m * net.widths[ell]
    return kept[first + which * size : first + (which + 1) * size].reshape(net.widths[ell], m)


@viewing
def head_parts(net, kept, m):
    """P, Q (outputs, m) of what is kept; only LOGISTIC has a Q of its own."""
    K = net.widths[-1]
    size = m * K
    Q = kept[len(kept) - size :]
    P = kept[len(kept) - 2 * size : len(kept) - size] if net.head == LOGISTIC else Q
    return P.reshape(K, m), Q.reshape(K, m)


# --- the head ---


@compiled
def mean(net, z, P, Q):
    """P (outputs, m), the mean of the prediction z: z, σ(z) with Q = σ(−z), softmax(z)."""
    K, m = net.classes, P.shape[1]
    for k in range(K, P.shape[0]):
        for i in range(m):
            P[k, i] = z[k, i]
    if net.head == SOFTMAX:
        softmax(z, P[:K])
        return
    for k in range(K):
        for i in range(m):
            P[k, i] = z[k, i] if net.head == SQUARES else -abs(z[k, i])
    if net.head == SQUARES:
        return
    exponentials(P)
    for k in range(K):
        for i in range(m):
            far, near = P[k, i] / (1 + P[k, i]), 1 / (1 + P[k, i])
            P[k, i] = near if z[k, i] > 0 else far
            Q[k, i] = far if z[k, i] > 0 else near


@compiled
def softmax(z, P):
    """P_ki = e^{z_ki} / Σ_j e^{z_ji}; overwrites z."""
    K, m = P.shape
    top, total = P[0], z[0]  # rows that are free at that moment
    for i in range(m):
        top[i] = z[0, i]
    for k in range(1, K):
        for i in range(m):
            top[i] = z[k, i] if z[k, i] > top[i] else top[i]
    for k in range(K - 1, -1, -1):
        for i in range(m):
            P[k, i] = z[k, i] - top[i]
    exponentials(P)
    for i in range(m):
        total[i] = P[0, i]
    for k in range(1, K):
        for i in range(m):
            total[i] += P[k, i]
    for i in range(m):
        total[i] = 1 / total[i]
    for k in range(K):
        for i in range(m):
            P[k, i] *= total[i]


@compiled
def head_cotangent(net, block, out):
    """The first rows of out ← c_i h_o r_io."""
    P = block.P
    K, m = P.shape
    for k in range(K):
        for i in range(m):
            r = residual(P[k, i], net.Y[k, block.rows[i]])
            out[k, i] = weighted(factor(net, block, i, k), r)


@compiled
def factor(net, block, i, k):
    """c_i h_o; with one head every h_o is 1."""
    c = block.c[i]
    return c if net.classes == len(block.P) else weighted(c, block.factors.outputs[k])


@compiled
def curvature(net, k, P, Q, d, mean_dz):
    """Row k of C_i dz_i."""
    if k >= net.classes or net.head == SQUARES:
        return squares_curvature(d)
    if net.head == LOGISTIC:
        return logistic_curvature(P, Q, d)
    return softmax_curvature(P, d, mean_dz)


@compiled
def head_tangent(net, block, column, dz, out):
    """The first rows of out ← c_io C_i dz_i + dc_io r_io, with dz in the first rows of dz."""
    P, Q, factors = block.P, block.Q, block.factors
    fixed = len(factors.example_columns) + len(factors.output_columns) == 0
    plain = fixed and net.classes == len(P)
    K, m = P.shape
    mean_dz = out[K - 1]  # a row that is overwritten last
    for i in range(m):
        mean_dz[i] = P[0, i] * dz[0, i]
    for k in range(1, net.classes):
        for i in range(m):
            mean_dz[i] += P[k, i] * dz[k, i]
    for k in range(K):
        for i in range(m):
            dr = curvature(net, k, P[k, i], Q[k, i], dz[k, i], mean_dz[i])
            c = factor(net, block, i, k)
            if plain:
                out[k, i] = weighted(c, dr)
            else:
                r = residual(P[k, i], net.Y[k, block.rows[i]])
                out[k, i] = weighted_jvp(c, r, dr, factor_tangent(net, block, i, k, column))
    if len(block.share) + len(block.to_head):
        add_to_shares(net, block, dz)


@compiled
def add_to_shares(net, block, dz):
    """Add r_io dz_io to the shares of example i and of output o."""
    K, m = block.P.shape
    for k in range(K):
        h = block.factors.outputs[k]
        for i in range(m):
            r = residual(block.P[k, i], net.Y[k, block.rows[i]])
            share = weighted_vjp(factor(net, block, i, k), r, dz[k, i])[1]
            if net.classes < K:
                to_head, share = weighted_vjp(block.c[i], h, share)
                if len(block.to_head):
                    block.to_head[k] += to_head
            if len(block.share):
                block.share[i] += share


@compiled
def factor_tangent(net, block, i, k, column):
    """d(c_i h_o): 1/B for c_i in the column of λ_i, 1 for h_o in its own."""
    factors, c, h = block.factors, block.c[i], block.factors.outputs[k]
    dc, dh = 0 * c, 0 * h
    if len(factors.example_columns):
        dc += (factors.example_columns[block.rows[i]] == column) / block.B
    if len(factors.output_columns):
        dh += factors.output_columns[k] == column
    return dc if net.classes == len(block.P) else weighted_jvp(c, h, dh, dc)


# --- hidden units ---


@compiled
def activate(kind, z, h, x):
    """h = a(z) for the first rows of z, and the x that a' and a'' need besides h."""
    n, m = h.shape
    for j in range(n):
        for i in range(m):
            x[j, i] = z[j, i]
            h[j, i] = -abs(z[j, i]) if kind == SOFTPLUS else -2 * abs(z[j, i])
    if kind != RELU:
        exponentials(h)
    for j in range(n):
        for i in range(m):
            y, e = x[j, i], h[j, i]
            if kind == TANH:
                size = (1 - e) / (1 + e)
                h[j, i] = size if y > 0 else -size
            elif kind == SOFTPLUS:
                h[j, i] = (y if y > 0 else 0 * y) + np.log1p(e)
                x[j, i] = (1 if y > 0 else e) / (1 + e)
            else:
                h[j, i] = relu(y)


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


@allocating
def hidden_tangent(kind, h, x, dz):
    """The tangents of a hidden layer's units from those of its sums."""
    out = np.empty_like(dz)
    for j in range(dz.shape[0]):
        for i in range(dz.shape[1]):
            out[j, i] = hidden_jvp(slope(kind, h[j, i], x[j, i]), dz[j, i])
    return out


@allocating
def hidden_cotangent(kind, h, x, b_h):
    """The cotangents of a hidden layer's sums from those of its units."""
    out = np.empty_like(b_h)
    for j in range(b_h.shape[0]):
        for i in range(b_h.shape[1]):
            out[j, i] = hidden_vjp(slope(kind, h[j, i], x[j, i]), b_h[j, i])
    return out


@allocating
def hidden_cotangent_tangent(kind, h, x, dz, b_h, db_h):
    """The tangents of `hidden_cotangent`, in which the slopes vary too."""
    out = np.empty_like(db_h)
    for j in range(out.shape[0]):
        for i in range(out.shape[1]):
            a1, a2 = slope(kind, h[j, i], x[j, i]), bend(kind, h[j, i], x[j, i])
            out[j, i] = hidden_vjp_jvp(a1, a2, dz[j, i], b_h[j, i], db_h[j, i])
    return out


# --- between the products with X:  between(net, block, z, r, w, U, columns, G) ---
#
# z        ((base + k)·n₁, m) sums of the first layer: of w where base = 1, then of each column
# r        ((lead + k)·n₁, m) is filled: δ where lead = 1, then dδ of each column
# w, U     (p,), (k, p)
# G        (lead + k, p) layers above the first add their gradients here


@compiled
def linear_between(net, block, z, r, w, U, columns, G):
    """For a linear model: only the head."""
    K = net.widths[-1]
    if columns.base:
        mean(net, z, block.P, block.Q)
    if columns.lead:
        head_cotangent(net, block, r)
    for j in range(columns.k):
        source, target = (columns.base + j) * K, (columns.lead + j) * K
        head_tangent(net, block, j, z[source:], r[target:])


@allocating
def layers_between(net, block, z, r, w, U, columns, G):
    """With hidden layers: up, down, and both again for each column."""
    m, L, P = len(block.rows), len(net.widths) - 1, block.P
    if columns.base:
        upwards(net, z, w, block.kept, P, block.Q)
    delta = np.empty_like(P)
    head_cotangent(net, block, delta)
    for ell in range(L, 1, -1):
        h, x = (
            hidden_part(net, block.kept, m, ell - 1, 0),
            hidden_part(net, block.kept, m, ell - 1, 1),
        )
        if columns.lead:
            add_layer(net, ell, delta, h, G[0])
            add_bias(net, ell, delta, G[0])
        b_h = hidden_part(net, block.kept, m, ell - 1, 2)
        if columns.base:
            np.dot(matrix(net, ell, w, P).T, delta, b_h)
        delta = hidden_cotangent(net.activation, h, x, b_h)
    if columns.lead:
        put(r, 0, delta)
    for j in range(columns.k):
        tangent_between(net, block, z, r, w, U, columns, G, j)


between = by_type({Linear: linear_between, Layers: layers_between})


@allocating
def upwards(net, z, w, kept, P, Q):
    """h of every hidden layer and P, from the first layer's sums."""
    m, L = P.shape[1], len(net.widths) - 1
    activate(net.activation, z, hidden_part(net, kept, m, 1, 0), hidden_part(net, kept, m, 1, 1))
    for ell in range(2, L + 1):
        above = sums(net, ell, hidden_part(net, kept, m, ell - 1, 0), w)
        if ell < L:
            h, x = hidden_part(net, kept, m, ell, 0), hidden_part(net, kept, m, ell, 1)
            activate(net.activation, above, h, x)
        else:
            mean(net, above, P, Q)


@allocating
def sums(net, ell, h, w):
    """W_l h + b_l."""
    z = np.dot(matrix(net, ell, w, h), h)
    _, last, end = layer(net, ell)
    for k in range(end - last):
        for i in range(z.shape[1]):
            z[k, i] += w[last + k]
    return z


@allocating
def added(a, b):
    """a ← a + b."""
    for j in range(a.shape[0]):
        for i in range(a.shape[1]):
            a[j, i] += b[j, i]
    return a


@compiled
def put(r, at, delta):
    """Rows at … of r ← delta."""
    for j in range(delta.shape[0]):
        for i in range(delta.shape[1]):
            r[at + j, i] = delta[j, i]


@allocating
def add_layer(net, ell, delta, h, g):
    """Add δ hᵀ to W_l's part of g (p,)."""
    first, last, _ = layer(net, ell)
    product = np.dot(delta, h.T).reshape(last - first)
    for j in range(last - first):
        g[first + j] += product[j]


@summing
def add_bias(net, ell, delta, g):
    """Add Σ_i δ_i, of the first rows of delta, to b_l's part of g (p,)."""
    _, last, end = layer(net, ell)
    for k in range(end - last):
        total = 0 * delta[k, 0]
        for i in range(delta.shape[1]):
            total += delta[k, i]
        g[last + k] += total


@allocating
def tangent_between(net, block, z, r, w, U, columns, G, j):
    """Pearlmutter's R-operator of the layers above the first, along column j."""
    m, L, n1, P = len(block.rows), len(net.widths) - 1, net.widths[1], block.P
    u, g, kept = U[j], G[columns.lead + j], block.kept
    source, target = (columns.base + j) * n1, (columns.lead + j) * n1
    dz = [z[source : source + n1].copy()]
    dh = [dz[0]]  # stands for the features, whose tangent is 0: not used
    for ell in range(2, L + 1):
        h, x = hidden_part(net, kept, m, ell - 1, 0), hidden_part(net, kept, m, ell - 1, 1)
        dh.append(hidden_tangent(net.activation, h, x, dz[-1]))
        dz.append(added(sums(net, ell, h, u), np.dot(matrix(net, ell, w, P), dh[-1])))
    delta, ddelta = np.empty_like(P), np.empty_like(P)
    head_cotangent(net, block, delta)
    head_tangent(net, block, j, dz[-1], ddelta)
    for ell in range(L, 1, -1):
        h, x = hidden_part(net, kept, m, ell - 1, 0), hidden_part(net, kept, m, ell - 1, 1)
        b_h = hidden_part(net, kept, m, ell - 1, 2)
        add_layer(net, ell, ddelta, h, g)
        add_layer(net, ell, delta, dh[ell - 1], g)
        add_bias(net, ell, ddelta, g)
        W, V = matrix(net, ell, w, P), matrix(net, ell, u, P)
        db_h = added(np.dot(W.T, ddelta), np.dot(V.T, delta))
        delta = hidden_cotangent(net.activation, h, x, b_h)
        ddelta = hidden_cotangent_tangent(net.activation, h, x, dz[ell - 2], b_h, db_h)
    put(r, target, ddelta)
