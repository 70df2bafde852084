"""Networks on dense data: the rows of a step shared between threads, the products by BLAS.

Each thread takes some examples through the layers, up, down, and again along tangents; what lies
between two products is compiled. Twin of hgref.objectives.mlp, whose formulas stand there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hgref import laws
from hgref.arguments import Array
from hgref.at import At
from hgref.fast.cpu import pool
from hgref.fast.cpu.compiled import kernel, leaf
from hgref.fast.cpu.heads import exponential
from hgref.layout import Blocks
from hgref.objectives.objective import Objective

TANH, SOFTPLUS, RELU = 0, 1, 2
ACTIVATIONS = {"tanh": TANH, "softplus": SOFTPLUS, "relu": RELU}
ROWS = 100  # of a part, at least: each part packs all weights for its products

tanh_slope, tanh_bend = leaf(laws.tanh_slope), leaf(laws.tanh_bend)
softplus_slope, softplus_bend = leaf(laws.softplus_slope), leaf(laws.softplus_bend)
relu, relu_slope = leaf(laws.relu), leaf(laws.relu_slope)
hidden_jvp, hidden_vjp = leaf(laws.hidden_jvp), leaf(laws.hidden_vjp)
hidden_vjp_jvp = leaf(laws.hidden_vjp_jvp)


@kernel
def activate(kind, b, h, x):
    """h ← a(h + b), and the x that a' and a'' need beside h."""
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            z = np.float64(h[i, j]) + b[j]
            e = exponential(-abs(z) if kind == SOFTPLUS else -2 * abs(z), -650.0)
            if kind == TANH:
                size = (1 - e) / (1 + e)
                h[i, j] = size if z > 0 else -size
            elif kind == SOFTPLUS:
                h[i, j] = (z if z > 0 else 0 * z) + np.log1p(e)
                x[i, j] = (1 if z > 0 else e) / (1 + e)
            else:
                h[i, j], x[i, j] = relu(z), z


@leaf
def slope(kind, h, x):
    """a'(z): x is σ(z) for SOFTPLUS, z for RELU."""
    if kind == TANH:
        return tanh_slope(h)
    return softplus_slope(x) if kind == SOFTPLUS else relu_slope(x)


@leaf
def bend(kind, h, x):
    """a''(z)."""
    if kind == TANH:
        return tanh_bend(h)
    return softplus_bend(x, 1 - x) if kind == SOFTPLUS else 0 * h


@kernel
def down(kind, h, x, q, delta):
    """δ of a hidden layer from q, the cotangent of h."""
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            delta[i, j] = hidden_vjp(slope(kind, h[i, j], x[i, j]), q[i, j])


@kernel
def along(kind, h, x, b, dz, dh):
    """dz ← dz + b, and dh from it."""
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            dz[i, j] += b[j]
            dh[i, j] = hidden_jvp(slope(kind, h[i, j], x[i, j]), dz[i, j])


@kernel
def down_along(kind, h, x, dz, q, dq):
    """dq ← dδ, the tangent of `down`."""
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            a1, a2 = slope(kind, h[i, j], x[i, j]), bend(kind, h[i, j], x[i, j])
            dq[i, j] = hidden_vjp_jvp(a1, a2, dz[i, j], q[i, j], dq[i, j])


def parts_of(work: int, B: int) -> int:
    """The number of parts of B examples."""
    return max(1, min(pool.parts(work), B // ROWS))


class Hidden(NamedTuple):
    """What a part keeps of a hidden layer: its units h and x (h for TANH); δ above, q = Wᵀδ."""

    h: Array
    x: Array
    delta: Array
    q: Array


class Network(Objective):
    """The loss of an MLP, in the numbers `real` of its products.

    part    the loss of the readable layer
    G       (parts, p) scratch: gradients and products are left here, for the caller to add up
    """

    def __init__(self, part: Any, real: np.dtype):
        self.part, self.real, self.p = part, real, part.p
        self.kind, features = ACTIVATIONS[part.activation], part.features
        X = features.X if features.centre is None else features.X - features.centre
        self.X, self.y = np.ascontiguousarray(X, real), part.y.astype(real, copy=False)
        B, each = features.B, sum(W.size for W, _ in part.layers(np.zeros(part.p)))
        count = parts_of(B * each, B)
        self.bounds = pool.bounds(B, count)
        self.G: Any = np.empty((count, self.p), real)
        most = max(last - first for first, last in self.bounds)
        batches = features.batches is not None
        self.rows = np.empty((count, most * batches, features.N), real)
        self.delta = np.empty((count, most * part.widths[1]), real)  # δ of the first layer
        units = 4 - (self.kind == TANH)
        numbers = units * B * sum(part.widths[1:-1]) + part.kept - 5 * B * sum(part.widths[1:-1])
        self.kept = -(-numbers * real.itemsize // 8)

    def seen(self, t: int, q: int) -> Array:
        """The examples of part q at step t."""
        first, last = self.bounds[q]
        table = self.part.features.batches
        if table is None:
            return self.X[first:last]
        rows = self.rows[q, : last - first]
        return np.take(self.X, table[t - 1, first:last], axis=0, out=rows, mode="clip")

    def each(self, task: Any) -> list[Any]:
        """What the task returns for each part."""
        found: list[Any] = [None] * len(self.bounds)

        def one(q: int) -> None:
            with np.errstate(all="ignore"):  # each thread has its own
                found[q] = task(q)

        pool.each(one, [(q,) for q in range(len(found))])
        return found

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        part, real, kind = self.part, self.real, self.kind
        layers, L = part.layers(w.astype(real, copy=False)), len(part.widths) - 1
        y, c = self.y[part.features.rows(t)], part.scale(t, lam).astype(real)
        c = np.broadcast_to(c, (part.features.B, 1))

        def gradient(q: int) -> tuple[Any, list[Hidden], Array, Array]:
            """∇J_t of part q to G[q]; what the products need."""
            first, last = self.bounds[q]
            X, into = self.seen(t, q), part.layers(self.G[q])
            h, units = X, []
            for W, b in layers[:-1]:
                h = h @ W.T
                x = h if kind == TANH else np.empty_like(h)
                activate(kind, b, h, x)
                units.append((h, x))
            W, b = layers[-1]
            z = h @ W.T + b
            here = part.loss.at(z, y[first:last], lam)
            delta, kept = laws.weighted(c[first:last], here.residual()).astype(real), []
            for ell in range(L - 1, 0, -1):
                (h, x), (W, _) = units[ell - 1], layers[ell]
                np.matmul(delta.T, h, out=into[ell][0])
                np.sum(delta, axis=0, out=into[ell][1])
                kept.append(Hidden(h, x, delta, delta @ W))
                delta = self.delta[q, : h.size].reshape(h.shape) if ell == 1 else np.empty_like(h)
                down(kind, h, x, kept[-1].q, delta)
            np.matmul(delta.T, X, out=into[0][0])
            np.sum(delta, axis=0, out=into[0][1])
            return here, kept[::-1], c[first:last], z

        ats = self.each(gradient)
        self.z = [z for *_, z in ats]

        def product(q: int, u: Array, dlam: Blocks, dc: Any) -> Array:
            """H u + M dλ of part q to G[q]; returns dz_L."""
            here, kept, c, _ = ats[q]
            along_u, into, X = part.layers(u), part.layers(self.G[q]), self.seen(t, q)
            dz, tangents = X @ along_u[0][0].T, []
            for one, (_, v), (V, _), (W, _) in zip(
                kept, along_u, along_u[1:], layers[1:], strict=False
            ):
                dh = np.empty_like(one.h)
                along(kind, one.h, one.x, v, dz, dh)
                tangents.append((dz, dh))
                dz = one.h @ V.T
                dz += dh @ W.T
            dz += along_u[-1][1]
            ddelta = part.cotangent_jvp(here, c, dz[None], dlam, dc)[0].astype(real)
            for ell in range(L - 1, 0, -1):
                one, (dz_l, dh) = kept[ell - 1], tangents[ell - 1]
                np.matmul(ddelta.T, one.h, out=into[ell][0])
                into[ell][0][...] += one.delta.T @ dh
                np.sum(ddelta, axis=0, out=into[ell][1])
                dq = ddelta @ layers[ell][0]
                dq += one.delta @ along_u[ell][0]
                down_along(kind, one.h, one.x, dz_l, one.q, dq)
                ddelta = dq
            np.matmul(ddelta.T, X, out=into[0][0])
            np.sum(ddelta, axis=0, out=into[0][1])
            return dz

        def jvp(dw: Array, dlam: Blocks) -> Array:
            rows, dc = dw.T.astype(real, order="C", copy=False), part.scale_jvp(t, dlam)
            found = np.empty((len(rows), part.p))
            for j, u in enumerate(rows):
                one = {name: block[..., j : j + 1] for name, block in dlam.items()}

                def task(q: int, u: Array = u, one: Blocks = one, j: int = j) -> Array:
                    own = None if dc is None else dc[j : j + 1, slice(*self.bounds[q])]
                    return product(q, u, one, own)

                self.each(task)
                found[j] = self.G.sum(axis=0)
            return found.T

        def vjp(u: Array) -> tuple[Array, Blocks]:
            u = u.astype(real, copy=False)
            dz = self.each(lambda q: product(q, u, {}, None))
            shares = [part.shares(here, c, a) for (here, _, c, _), a in zip(ats, dz, strict=True)]
            joined = {n: np.concatenate([one[n] for one in shares]) for n in shares[0]}
            return self.G, part.gathered(t, joined)

        return At(self.G, jvp, vjp)

    def both(self, t: int, w: Array, lam: Blocks) -> tuple[Any, Array]:
        """(J_t(w), ∇J_t(w))."""
        g, z = self.at(t, w, lam).value, np.concatenate(self.z).astype(float)
        losses = self.part.loss.value(z, self.part.targets(t), lam)
        return np.sum(self.part.scale(t, lam)[:, 0] * losses), g
