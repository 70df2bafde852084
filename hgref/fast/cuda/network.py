"""∇J_t and its products on the grid: data losses and what lies between two products with X.

Twin of hgref.objectives.losses, activations and mlp, as hgref.fast.cpu.network is; the formulas
there hold here. Every thread of the grid runs every function; where they say "phase", threads share
out the entries, and a barrier follows before what was written is read.

Matrices are units × examples in flat arrays: an entry of layer ℓ, unit u, example i of a step has
the place B·(at[ℓ] + u) + i, so that neighbouring threads have neighbouring examples. Biases of the
first layer are a last column of X that is one.

A step has, without hidden layers, five barriers: operands, z, means, tangents, Rᵀ X.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from numba import cuda

from hgref import laws
from hgref.arguments import Array
from hgref.fast.cpu.network import LOGISTIC, SOFTMAX, SOFTPLUS, SQUARES, TANH
from hgref.fast.cuda.device import barrier, device_function
from hgref.fast.cuda.products import ONE, product

residual, squares_curvature, logistic_curvature, softmax_curvature = map(
    device_function,
    (laws.residual, laws.squares_curvature, laws.logistic_curvature, laws.softmax_curvature),
)
tanh_slope, tanh_bend = device_function(laws.tanh_slope), device_function(laws.tanh_bend)
softplus_slope, softplus_bend = map(device_function, (laws.softplus_slope, laws.softplus_bend))
relu, relu_slope = device_function(laws.relu), device_function(laws.relu_slope)
hidden_jvp, hidden_vjp, hidden_vjp_jvp = map(
    device_function, (laws.hidden_jvp, laws.hidden_vjp, laws.hidden_vjp_jvp)
)
weighted, weighted_jvp, weighted_vjp = map(
    device_function, (laws.weighted, laws.weighted_jvp, laws.weighted_vjp)
)


class Objective(NamedTuple):
    """A data loss; L layers, n examples of which a step sees B.

    X           (n·N₁,) examples × features, N₁ = N + 1 with biases
    Y           (K·n,) targets
    batches     (T, B) the rows that each step sees; (0, 0): all of them
    widths      (L + 1,) features, units of each hidden layer, outputs
    first       (L + 1,) where W_ℓ begins in w, b_ℓ behind it
    at          (L + 1,) units in the layers 1 … ℓ-1
    N1, n, B, L, bias, activation, head
    """

    X: Array
    Y: Array
    batches: Array
    widths: Array
    first: Array
    at: Array
    N1: int
    n: int
    B: int
    L: int
    bias: int
    activation: int
    head: int


class Lam(NamedTuple):
    """The hyperparameters of J, as in hgref.fast.cpu.training, of one data loss.

    weights (n,) λ_i;  weight_columns (n,) their columns of Z, or (0,);  l2, l2_columns (A, p)
    """

    weights: Array
    weight_columns: Array
    l2: Array
    l2_columns: Array


class Work(NamedTuple):
    """Scratch on the device; C = (base + k)·n₁ rows come in, D = (lead + k)·n₁ go out.

    panel    (C·N₁,) first layers of w and of each column;  z (C·B,), r (D·B,);  X (B·N₁,) or (0,)
    pulled   (parts·D·N₁,) sums of Rᵀ X, see `product`;  upper ((lead + k)·p,) layers above
    w, U     (p,), (k·p,) in the numbers of X
    above    (widest layer·B,)
    deltas, ddeltas, dz, dh   (B·units,) of every layer
    ones     (B,);  c (B,) λ_i/B
    sums     (blocks·SUMS,) each block's shares of the rates
    parts    of the depth of Rᵀ X
    """

    panel: Array
    z: Array
    r: Array
    X: Array
    pulled: Array
    upper: Array
    w: Array
    U: Array
    above: Array
    deltas: Array
    ddeltas: Array
    dz: Array
    dh: Array
    ones: Array
    c: Array
    sums: Array
    parts: int


@device_function
def row_at(J, t, i):
    """Which example is the i-th of step t."""
    return J.batches[t - 1, i] if J.batches.shape[0] > 0 else i


@device_function
def operands(J, lam, work, t, s, now, U, base, k):
    """A phase: w = s[now, -1], the columns U[c, -1], the rows of X and the λ_i/B of step t."""
    p, block = s.shape[2], s.shape[1] - 1
    N, N1, n1 = J.widths[0], J.N1, J.widths[1]
    for e in range(cuda.grid(1), (base + k) * n1 * N1, cuda.gridsize(1)):
        row, f = e // N1, e % N1
        j, o = row // n1, row % n1
        place = o * N + f if f < N else n1 * N + o
        work.panel[e] = s[now, block, place] if j < base else U[j - base, U.shape[1] - 1, place]
    if J.L > 1:
        for e in range(cuda.grid(1), p, cuda.gridsize(1)):
            work.w[e] = s[now, block, e]
        for e in range(cuda.grid(1), k * p, cuda.gridsize(1)):
            work.U[e] = U[e // p, U.shape[1] - 1, e % p]
    if J.batches.shape[0] > 0:
        for e in range(cuda.grid(1), J.B * N1, cuda.gridsize(1)):
            work.X[e] = J.X[J.batches[t - 1, e // N1] * N1 + e % N1]
    for i in range(cuda.grid(1), J.B, cuda.gridsize(1)):
        work.c[i] = lam.weights[row_at(J, t, i)] / J.B


@device_function
def gradient_at(J, work, D, row, p, j):
    """Coordinate j of the data loss's gradient (row 0 where lead = 1) or of a product."""
    n1, N, N1 = J.widths[1], J.widths[0], J.N1
    if j >= n1 * N1:
        return work.upper[row * p + j]
    o, f = (j // N, j % N) if j < n1 * N else (j - n1 * N, N)
    total = 0.0
    for q in range(work.parts):
        total += work.pulled[q * D * N1 + (row * n1 + o) * N1 + f]
    return total


# --- the head ---


@device_function
def head_places(J, k0):
    """Where P and Q begin in what is kept."""
    P = k0 + 3 * J.B * J.at[J.L]
    return P, P + J.widths[J.L] * J.B * (J.head == LOGISTIC)


@device_function
def means(J, z, z0, kept, k0):
    """A phase: P, the mean of the prediction z: z, σ(z) with Q = σ(−z), or softmax(z)."""
    P, Q = head_places(J, k0)
    K, B = J.widths[J.L], J.B
    for i in range(cuda.grid(1), B, cuda.gridsize(1)):
        if J.head == SOFTMAX:
            softmax(z, z0 + i, kept, P + i, K, B)
        for k in range(K):
            x, at = z[z0 + k * B + i], k * B + i
            if J.head == SQUARES:
                kept[P + at] = x
            if J.head == LOGISTIC:
                e = math.exp(-abs(x))
                far, near = e / (1 + e), 1 / (1 + e)
                kept[P + at] = near if x > 0 else far
                kept[Q + at] = far if x > 0 else near


@device_function
def softmax(z, z0, P, p0, K, B):
    """P_k = e^{z_k} / Σ_j e^{z_j} of one example."""
    top = z[z0]
    for k in range(1, K):
        top = max(top, z[z0 + k * B])
    total = 0 * top
    for k in range(K):
        P[p0 + k * B] = math.exp(z[z0 + k * B] - top)
        total += P[p0 + k * B]
    for k in range(K):
        P[p0 + k * B] /= total


@device_function
def head_cotangent(J, work, t, kept, P, i, out, o0):
    """out ← c_i r_i for example i."""
    row = row_at(J, t, i)
    for k in range(J.widths[J.L]):
        r = residual(kept[P + k * J.B + i], J.Y[k * J.n + row])
        out[o0 + k * J.B + i] = weighted(work.c[i], r)


@device_function
def head_tangent(J, lam, work, t, kept, P, Q, i, column, dz, z0, out, o0, b_weights):
    """out ← c_i C_i dz_i + dc_i r_i for example i; r_i·dz_i/B goes to b_weights."""
    K, B, row = J.widths[J.L], J.B, row_at(J, t, i)
    mean_dz, share = 0 * dz[z0 + i], 0 * dz[z0 + i]
    for k in range(K):
        mean_dz += kept[P + k * B + i] * dz[z0 + k * B + i]
    for k in range(K):
        at = k * B + i
        d, mean = dz[z0 + at], kept[P + at]
        r = residual(mean, J.Y[k * J.n + row])
        if J.head == SOFTMAX:
            dr = softmax_curvature(mean, d, mean_dz)
        elif J.head == LOGISTIC:
            dr = logistic_curvature(mean, kept[Q + at], d)
        else:
            dr = squares_curvature(d)
        if lam.weight_columns.shape[0] == 0:
            out[o0 + at] = weighted(work.c[i], dr)
        else:
            dc = (1.0 if lam.weight_columns[row] == column else 0.0) / B
            out[o0 + at] = weighted_jvp(work.c[i], r, dr, dc)
        share += weighted_vjp(work.c[i], r, d)[1]
    if b_weights.shape[0] > 0:
        # an example may stand in a mini-batch more than once
        cuda.atomic.add(b_weights, row, share / B)


# --- without hidden layers ---


@device_function
def linear_between(J, lam, work, tiles, t, base, k, lead, kept, k0, b_weights):
    """Two phases: means; δ and its tangents."""
    K, B = J.widths[1], J.B
    if base == 1:
        means(J, work.z, 0, kept, k0)
        barrier()
    P, Q = head_places(J, k0)
    for e in range(cuda.grid(1), (lead + k) * B, cuda.gridsize(1)):
        j, i = e // B - lead, e % B
        if j < 0:
            head_cotangent(J, work, t, kept, P, i, work.r, 0)
        else:
            z0, o0 = (base + j) * K * B, (lead + j) * K * B
            head_tangent(
                J, lam, work, t, kept, P, Q, i, j, work.z, z0, work.r, o0, b_weights
            )  # fmt: skip


# --- with hidden layers ---


@device_function
def hidden_place(J, k0, ell, which):
    """Where (n_ℓ, B) numbers of a hidden layer begin: which = 0 for h, 1 for x, 2 for b_h."""
    return k0 + J.B * (3 * J.at[ell] + which * J.widths[ell])


@device_function
def bias_of(J, ell, w, w0, u):
    """The bias of unit u in layer ℓ ≥ 2 of a flat w."""
    if J.bias == 0:
        return 0 * w[w0]
    return w[w0 + J.first[ell] + J.widths[ell] * J.widths[ell - 1] + u]


@device_function
def activate(J, kept, h, x, e, z):
    """h = a(z), and the x of which a' and a'' are made besides h, at entry e."""
    if J.activation == TANH:
        kept[x + e], kept[h + e] = z, math.tanh(z)
    elif J.activation == SOFTPLUS:
        small = math.exp(-abs(z))
        kept[h + e] = max(z, 0 * z) + math.log1p(small)
        kept[x + e] = (1 if z > 0 else small) / (1 + small)
    else:
        kept[x + e], kept[h + e] = z, relu(z)


@device_function
def slope(J, h, x):
    """a'(z): x is σ(z) for SOFTPLUS, else z."""
    if J.activation == TANH:
        return tanh_slope(h)
    return softplus_slope(x) if J.activation == SOFTPLUS else 1.0 * relu_slope(x)


@device_function
def bend(J, h, x):
    """a''(z)."""
    if J.activation == TANH:
        return tanh_bend(h)
    return softplus_bend(x, 1 - x) if J.activation == SOFTPLUS else 0 * h


@device_function
def layers_between(J, lam, work, tiles, t, base, k, lead, kept, k0, b_weights):
    """Up, down, and once more for each column."""
    n1, B = J.widths[1], J.B
    if base == 1:
        upwards(J, work, tiles, kept, k0)
    downwards(J, work, tiles, t, base, lead, kept, k0)
    if lead == 1:
        for e in range(cuda.grid(1), n1 * B, cuda.gridsize(1)):
            work.r[e] = work.deltas[e]
    for j in range(k):
        tangent_between(J, lam, work, tiles, t, base, lead, j, kept, k0, b_weights)


@device_function
def upwards(J, work, tiles, kept, k0):
    """h of every hidden layer and P, from the first layer's sums."""
    B = J.B
    h, x = hidden_place(J, k0, 1, 0), hidden_place(J, k0, 1, 1)
    for e in range(cuda.grid(1), J.widths[1] * B, cuda.gridsize(1)):
        activate(J, kept, h, x, e, work.z[e])
    barrier()
    for ell in range(2, J.L + 1):
        n, below = J.widths[ell], J.widths[ell - 1]
        h = hidden_place(J, k0, ell - 1, 0)
        product(
            tiles,
            (work.w, J.first[ell], below, 1),
            (kept, h, 1, B),
            (work.above, 0, B),
            (n, B, below),
            ONE,
            False,
        )
        barrier()
        if ell < J.L:
            h, x = hidden_place(J, k0, ell, 0), hidden_place(J, k0, ell, 1)
        for e in range(cuda.grid(1), n * B, cuda.gridsize(1)):
            z = work.above[e] + bias_of(J, ell, work.w, 0, e // B)
            if ell < J.L:
                activate(J, kept, h, x, e, z)
            else:
                work.above[e] = z
        barrier()
    means(J, work.above, 0, kept, k0)
    barrier()


@device_function
def add_layer(J, work, tiles, row, ell, delta, h, kept, p, add):
    """A phase: W_ℓ's and b_ℓ's part of a gradient: δ hᵀ and Σ_i δ_i."""
    n, below, B = J.widths[ell], J.widths[ell - 1], J.B
    o0, d0 = row * p + J.first[ell], B * J.at[ell]
    product(
        tiles, (delta, d0, B, 1), (kept, h, B, 1), (work.upper, o0, below), (n, below, B), ONE, add
    )
    if J.bias == 1 and not add:
        product(
            tiles,
            (delta, d0, B, 1),
            (work.ones, 0, B, 1),
            (work.upper, o0 + n * below, 1),
            (n, 1, B),
            ONE,
            False,
        )


@device_function
def downwards(J, work, tiles, t, base, lead, kept, k0):
    """δ of every layer; gradients of the layers above the first where lead = 1."""
    B, p = J.B, work.w.shape[0]
    P, _ = head_places(J, k0)
    for i in range(cuda.grid(1), B, cuda.gridsize(1)):
        head_cotangent(J, work, t, kept, P, i, work.deltas, B * J.at[J.L])
    barrier()
    for ell in range(J.L, 1, -1):
        n, below = J.widths[ell], J.widths[ell - 1]
        h, x = hidden_place(J, k0, ell - 1, 0), hidden_place(J, k0, ell - 1, 1)
        b_h = hidden_place(J, k0, ell - 1, 2)
        if lead == 1:
            add_layer(J, work, tiles, 0, ell, work.deltas, h, kept, p, False)
        if base == 1:
            product(
                tiles,
                (work.w, J.first[ell], 1, below),
                (work.deltas, B * J.at[ell], 1, B),
                (kept, b_h, B),
                (below, B, n),
                ONE,
                False,
            )
            barrier()
        to = B * J.at[ell - 1]
        for e in range(cuda.grid(1), below * B, cuda.gridsize(1)):
            work.deltas[to + e] = hidden_vjp(slope(J, kept[h + e], kept[x + e]), kept[b_h + e])
        barrier()


@device_function
def tangent_between(J, lam, work, tiles, t, base, lead, j, kept, k0, b_weights):
    """Pearlmutter's R-operator of the layers above the first, along column j."""
    tangents_up(J, work, tiles, base, j, kept, k0)
    B, L = J.B, J.L
    P, Q = head_places(J, k0)
    top = B * J.at[L]
    for i in range(cuda.grid(1), B, cuda.gridsize(1)):
        head_tangent(
            J, lam, work, t, kept, P, Q, i, j, work.dz, top, work.ddeltas, top, b_weights
        )  # fmt: skip
    barrier()
    tangents_down(J, work, tiles, lead, j, kept, k0)


@device_function
def tangents_up(J, work, tiles, base, j, kept, k0):
    """dz and dh of every layer."""
    B, n1, p = J.B, J.widths[1], work.w.shape[0]
    h, x = hidden_place(J, k0, 1, 0), hidden_place(J, k0, 1, 1)
    for e in range(cuda.grid(1), n1 * B, cuda.gridsize(1)):
        d = work.z[(base + j) * n1 * B + e]
        work.dz[e] = d
        work.dh[e] = hidden_jvp(slope(J, kept[h + e], kept[x + e]), d)
    barrier()
    for ell in range(2, J.L + 1):
        n, below = J.widths[ell], J.widths[ell - 1]
        to, from_ = B * J.at[ell], B * J.at[ell - 1]
        h = hidden_place(J, k0, ell - 1, 0)
        product(
            tiles,
            (work.U, j * p + J.first[ell], below, 1),
            (kept, h, 1, B),
            (work.dz, to, B),
            (n, B, below),
            ONE,
            False,
        )
        barrier()
        product(
            tiles,
            (work.w, J.first[ell], below, 1),
            (work.dh, from_, 1, B),
            (work.dz, to, B),
            (n, B, below),
            ONE,
            True,
        )
        barrier()
        if ell < J.L:
            h, x = hidden_place(J, k0, ell, 0), hidden_place(J, k0, ell, 1)
        for e in range(cuda.grid(1), n * B, cuda.gridsize(1)):
            d = work.dz[to + e] + bias_of(J, ell, work.U, j * p, e // B)
            work.dz[to + e] = d
            if ell < J.L:
                work.dh[to + e] = hidden_jvp(slope(J, kept[h + e], kept[x + e]), d)
        barrier()


@device_function
def tangents_down(J, work, tiles, lead, j, kept, k0):
    """dδ of every layer, and what the layers above the first have of column j's product."""
    B, n1, p = J.B, J.widths[1], work.w.shape[0]
    for ell in range(J.L, 1, -1):
        n, below = J.widths[ell], J.widths[ell - 1]
        at, to = B * J.at[ell], B * J.at[ell - 1]
        h, x = hidden_place(J, k0, ell - 1, 0), hidden_place(J, k0, ell - 1, 1)
        b_h = hidden_place(J, k0, ell - 1, 2)
        add_layer(J, work, tiles, lead + j, ell, work.ddeltas, h, kept, p, False)
        product(
            tiles,
            (work.w, J.first[ell], 1, below),
            (work.ddeltas, at, 1, B),
            (work.above, 0, B),
            (below, B, n),
            ONE,
            False,
        )
        barrier()
        add_layer(J, work, tiles, lead + j, ell, work.deltas, to, work.dh, p, True)
        product(
            tiles,
            (work.U, j * p + J.first[ell], 1, below),
            (work.deltas, at, 1, B),
            (work.above, 0, B),
            (below, B, n),
            ONE,
            True,
        )
        barrier()
        for e in range(cuda.grid(1), below * B, cuda.gridsize(1)):
            a1, a2 = slope(J, kept[h + e], kept[x + e]), bend(J, kept[h + e], kept[x + e])
            work.ddeltas[to + e] = hidden_vjp_jvp(
                a1, a2, work.dz[to + e], kept[b_h + e], work.above[e]
            )
        barrier()
    for e in range(cuda.grid(1), n1 * B, cuda.gridsize(1)):
        work.r[(lead + j) * n1 * B + e] = work.ddeltas[e]


# --- the whole ---


def passes(between):
    """`gradients` with what lies between the two products with X, which is of two kinds.

    A kernel has as many registers as the worst of its branches wants, so a linear model's has no
    branch for hidden layers.
    """

    @device_function
    def gradients(J, lam, work, tiles, t, s, now, U, base, k, lead, kept, k0, b_weights):
        """Fills `work` so that `gradient_at` can tell ∇J_t(w) (lead = 1) and H u + M dλ of columns.

        w = s[now, -1], u = U[c, -1] for c < k
        tiles     see `product`
        base      1: the predictions are computed, and kept at k0 … of `kept`; 0: they are there
        b_weights (n,) gets the shares of the λ_i, or (0,)
        """
        operands(J, lam, work, t, s, now, U, base, k)
        barrier()
        n1, N1, B = J.widths[1], J.N1, J.B
        C, D = (base + k) * n1, (lead + k) * n1
        X = work.X if J.batches.shape[0] > 0 else J.X
        product(
            tiles, (work.panel, 0, N1, 1), (X, 0, N1, 1), (work.z, 0, B), (C, B, N1), ONE, False
        )
        barrier()
        between(J, lam, work, tiles, t, base, k, lead, kept, k0, b_weights)
        barrier()
        product(
            tiles,
            (work.r, 0, B, 1),
            (X, 0, 1, N1),
            (work.pulled, 0, N1),
            (D, N1, B),
            (work.parts, D * N1),
            False,
        )
        barrier()

    return gradients


linear_gradients, layers_gradients = passes(linear_between), passes(layers_between)
