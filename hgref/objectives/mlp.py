"""Losses of a multi-layer perceptron, with second derivatives by Pearlmutter's R-operator."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array, as_count, require_known
from hgref.at import At
from hgref.layout import Blocks
from hgref.objectives.activations import ACTIVATIONS
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.features import Rows
from hgref.objectives.losses import CrossEntropy, Loss, Squares

Layers = list[tuple[Array, Array]]
HEADS = ("softmax", "squared")


class MLP(DataLoss):
    """J_t(w, λ) = (1/B) Σ_{i ∈ batch t} λ_i ℓ(z_L, y_i), a network of L layers with activation a.

        z_l = W_l h_{l-1} + b_l,    h_l = a(z_l),    h_0 = x_i                        l = 1 … L
        δ_L = λ_i r_i / B,    δ_l = a'(z_l) ∘ q_l,    q_l = W_{l+1}ᵀ δ_{l+1},    r_i = ∂ℓ/∂z_L
        g   = Σ δ_l h_{l-1}ᵀ for W_l,  Σ δ_l for b_l

    H dw + M dλ are the tangents of g along dw = (V_1, v_1, V_2, …) and dλ, with C_i = ∂²ℓ/∂z_L²:

        dz_l = V_l h_{l-1} + W_l dh_{l-1} + v_l,    dh_l = a'(z_l) ∘ dz_l,    dh_0 = 0
        dδ_L = (λ_i C_i dz_L + dλ_i r_i) / B,       dq_l = V_{l+1}ᵀ δ_{l+1} + W_{l+1}ᵀ dδ_{l+1}
        dδ_l = a'(z_l) ∘ dq_l + a''(z_l) ∘ dz_l ∘ q_l
        dg   = Σ dδ_l h_{l-1}ᵀ + δ_l dh_{l-1}ᵀ for W_l,  Σ dδ_l for b_l

    u H is dg along u, because H is symmetric, and (u M)_i = r_i · dz_L / B.

    X        (n, N) dense or scipy.sparse
    y        (n,) integers 0 … classes-1 for the head "softmax"; (n,) or (n, q) for "squared"
    hidden   the widths of the hidden layers, such as (50, 20); () is the linear model
    activation   "tanh", "softplus" or "relu", which has slope 0 at its kink
    head     "softmax": ℓ = log Σ_k e^{z_k} − z_y;  "squared": ℓ = ½ ‖z − y‖²
    classes  their number for the head "softmax"; default: the largest label + 1
    example_weights   True: λ_i is the block `weights` (n,), non-negative; a string: another name
    centre, batches   see Features
    w        (p,) = W_1 (outputs × inputs) row by row, b_1, W_2, b_2, …: the order in which torch
             flattens the parameters of Sequential(Linear, …)
    Raises   ValueError, TypeError for unknown names and data that do not fit
    Cost     products with a W_l for each example: g 3, then jvp 6 for each column and vjp 6 (with
             W_1, which is over X, 2, 2 and 2); memory O(B k widths)
    Exact    to rounding, also where logits are large
    Beware   at zero, where Problem starts by default, all hidden units have the same gradient or
             none: use w0=J.start(seed). relu has no second derivative at its kinks: finite
             differences and Taylor remainders across one are off even if the gradient is right
    Source   Rumelhart, Hinton and Williams 1986, Nature 323; Pearlmutter 1994, Neural Computation 6

    Example
        >>> J = hgref.objectives.MLP([[0.0, 1.0], [1.0, 0.0]], [0, 1], hidden=(3,))
        >>> J.widths, J.p, J.grad(1, J.start(seed=0), {}).shape
        ((2, 3, 2), 17, (17,))
    """

    def __init__(
        self,
        X: Any,
        y: Any,
        hidden: Iterable[int],
        *,
        activation: str = "tanh",
        head: str = "softmax",
        classes: int | None = None,
        example_weights: bool | str = False,
        centre: Any = None,
        batches: Any = None,
    ):
        require_known(head, HEADS, "head")
        if head != "softmax" and classes is not None:
            raise ValueError(f"classes: expected None for the head {head!r}, found {classes}")
        loss = CrossEntropy(classes) if head == "softmax" else Squares()
        self.build(X, y, loss, hidden, activation, example_weights, centre, batches)
        self.head = head

    def build(
        self,
        X: Any,
        y: Any,
        loss: Loss,
        hidden: Iterable[int],
        activation: str,
        example_weights: bool | str,
        centre: Any,
        batches: Any,
    ) -> None:
        """The network with any loss."""
        require_known(activation, ACTIVATIONS, "activation")
        super().__init__(
            X, y, loss, example_weights=example_weights, centre=centre, batches=batches
        )
        self.activation = activation
        self.widths = (self.features.N, *read_widths(hidden), self.outputs)
        self.p = sum(size for sizes in self.sizes() for size in sizes)
        # l for the entries of W_{l+1} and b_{l+1}, also for L2(groups=…)
        each = [sum(pair) for pair in self.sizes()]
        self.layer_labels = np.repeat(np.arange(len(each)), each)
        self.kept += 5 * self.features.B * sum(self.widths[1:-1])  # h, a', a'', q and δ of a unit

    def sizes(self) -> list[tuple[int, int]]:
        """The number of entries of (W_l, b_l)."""
        return [(inputs * outputs, outputs) for inputs, outputs in pairwise(self.widths)]

    @property
    def block_labels(self) -> Array:
        """(p,) integers: 2l for the entries of W_{l+1}, 2l + 1 for those of b_{l+1}."""
        sizes = [size for pair in self.sizes() for size in pair]
        return np.repeat(np.arange(len(sizes)), sizes)

    def start(self, seed: int) -> Array:
        """A random w0 (p,): W uniform in ±√(6 / (inputs + outputs)), as Glorot and Bengio; b 0."""
        random, w = np.random.default_rng(seed), np.zeros(self.p)
        for W, _ in self.layers(w):
            limit = np.sqrt(6 / sum(W.shape))
            W[:] = random.uniform(-limit, limit, W.shape)
        return w

    def layers(self, w: Array) -> Layers:
        """[(W_1, b_1), …] of a weight vector w (p,), or of rows (k, p); views."""
        layers, start = [], 0
        for inputs, outputs in pairwise(self.widths):
            middle = start + inputs * outputs
            W = w[..., start:middle].reshape(*w.shape[:-1], outputs, inputs)
            start = middle + outputs
            layers.append((W, w[..., middle:start]))
        return layers

    # the first layer: one pass over X, which dominates the cost, for any number of W
    def times(self, seen: Rows, W: Array) -> Array:
        """W x_i for W (…, outputs, N): (…, B, outputs)."""
        z = seen.times(W.reshape(-1, self.features.N))
        return np.ascontiguousarray(np.moveaxis(z.reshape(-1, *W.shape[:-1]), 0, -2))

    def pull(self, seen: Rows, delta: Array) -> Array:
        """The transpose: Σ δ_i x_iᵀ for δ (…, B, outputs): (…, outputs, N)."""
        R = np.moveaxis(delta, -2, 0)
        return seen.pull(R.reshape(len(R), -1)).reshape(*R.shape[1:], self.features.N)

    # the network, its gradient, and the tangents of both
    def predict(self, w: Array, t: int = 1) -> Array:
        """z_L for the examples of step t, (B, outputs)."""
        return self.up(self.features.seen(t), self.layers(w))[0]

    def up(self, seen: Rows, layers: Layers) -> tuple[Array, list[Any]]:
        """z_L, and (h_l, a'(z_l), a''(z_l)) of every hidden layer, all (B, width)."""
        (W, b), *others = layers
        z, units = self.times(seen, W) + b, []
        for W, b in others:
            units.append(ACTIVATIONS[self.activation](z))
            z = units[-1][0] @ W.T + b
        return z, units

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        layers, c, seen = self.layers(w), self.scale(t, lam), self.features.seen(t)
        z, units = self.up(seen, layers)
        here = self.loss.at(z, self.targets(t), lam)
        delta, back, parts = laws.weighted(c, here.residual()), [], []
        for (W, _), (h, slope, _) in reversed(list(zip(layers[1:], units, strict=True))):
            parts += [delta.sum(axis=0), delta.T @ h]
            back.append((delta, delta @ W))  # δ_{l+1}, q_l
            delta = laws.hidden_vjp(slope, back[-1][1])
        g = flat([*parts, delta.sum(axis=0), self.pull(seen, delta)], ())
        upper = list(zip(layers[1:], units, reversed(back), strict=True))

        def products(rows: Array, dlam: Blocks) -> tuple[Array, Array]:
            """H dw + M dλ (k, p) along rows dw (k, p), and dz_L: the R-operator."""
            seen = self.features.seen(t)
            (V, v), *others = self.layers(rows)
            dz, tangents = self.times(seen, V) + v[:, None], []
            for ((W, _), (h, slope, _), _), (V, v) in zip(upper, others, strict=True):
                dh = laws.hidden_jvp(slope, dz)
                tangents.append((V, dz, dh))
                dz = dh @ W.T + h @ turned(V) + v[:, None]
            ddelta, parts = self.cotangent_jvp(here, c, dz, dlam, self.scale_jvp(t, dlam)), []
            for ((W, _), (h, slope, bend), (delta, q)), (V, dz_l, dh) in reversed(
                list(zip(upper, tangents, strict=True))
            ):
                parts += [ddelta.sum(axis=1), turned(ddelta) @ h + delta.T @ dh]
                dq = ddelta @ W + delta @ V
                ddelta = laws.hidden_vjp_jvp(slope, bend, dz_l, q, dq)
            return flat([*parts, ddelta.sum(axis=1), self.pull(seen, ddelta)], (len(rows),)), dz

        def jvp(dw: Array, dlam: Blocks) -> Array:
            return products(np.ascontiguousarray(dw.T), dlam)[0].T

        def vjp(u: Array) -> tuple[Array, Blocks]:
            uH, a = products(u[None], {})  # H is symmetric
            return uH[0], self.gathered(t, self.shares(here, c, a[0]))

        return At(g, jvp, vjp)


def turned(matrices: Array) -> Array:
    """Each matrix of a stack, transposed."""
    return np.swapaxes(matrices, -1, -2)


def flat(parts: list[Array], lead: tuple[int, ...]) -> Array:
    """(b_L, W_L, …, b_1, W_1), in the order of the way back, laid out like w: (…, p)."""
    return np.concatenate([part.reshape(*lead, -1) for part in reversed(parts)], axis=-1)


def read_widths(hidden: Any) -> tuple[int, ...]:
    if not isinstance(hidden, Iterable) or isinstance(hidden, str):
        raise TypeError(f"hidden: expected widths such as (50, 20), found {hidden!r}")
    return tuple(as_count(f"hidden[{j}]", width, 1) for j, width in enumerate(hidden))
