"""torch: the training loop unrolled, autograd through it; torch.func.jacfwd for forward mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from hgref.arguments import Array
from paper_repro.benchmark.peers.told import Told, told
from paper_repro.benchmark.problems import Case

Gradient = Callable[[Callable[[Any], Any], Any], Any]


def hypergradient(case: Case, dtype: str, device: str = "cpu") -> Callable[[], Array]:
    """∇f(λ): autograd through the unrolled loop, or jacfwd for the blocks of case.wrt."""
    this = told(case, dtype)
    data = [torch.from_numpy(array).to(device) for array in (this.X, this.Y, this.Xv, this.Yv)]
    names = list(this.hyper) if case.wrt is None else list(case.wrt)

    def run() -> Array:
        lam = {n: torch.from_numpy(value.copy()).to(device) for n, value in this.hyper.items()}
        gradient = (reverse if case.wrt is None else forward)(this, lam, data, names)
        return case.columns.flatten({n: np.asarray(gradient[n].cpu(), float) for n in names})

    return run


def reverse(this: Told, lam: Any, data: Any, names: list[str]) -> dict[str, Any]:
    for name in names:
        lam[name].requires_grad_()
    E = trained_error(this, lam, data, recorded_gradient)
    return dict(zip(names, torch.autograd.grad(E, [lam[n] for n in names]), strict=True))


def recorded_gradient(loss: Callable[[Any], Any], w: Any) -> Any:
    """∇loss(w) as a function of λ and w that autograd can go through once more."""
    w = [x if x.requires_grad else x.requires_grad_() for x in w]
    return torch.autograd.grad(loss(w), w, create_graph=True)


def forward(this: Told, lam: Any, data: Any, names: list[str]) -> dict[str, Any]:
    def f(chosen: Any) -> Any:
        value = trained_error(this, {**lam, **chosen}, data, functional_gradient)
        return value, value

    gradient, _ = torch.func.jacfwd(f, has_aux=True)({name: lam[name] for name in names})
    return gradient


def functional_gradient(loss: Callable[[Any], Any], w: Any) -> Any:
    return torch.func.grad(loss)(list(w))


def trained_error(this: Told, lam: Any, data: Any, gradient: Gradient) -> Any:
    """E(w_T); weights as a flat list W, b, W, b, …"""
    X, Y, Xv, Yv = data
    decay = penalties(this, lam)
    w = [torch.from_numpy(array.copy()).to(X.device) for pair in this.start for array in pair]
    state: Any = (*([torch.zeros_like(x) for x in w] for _ in range(MOMENTS[this.optimizer])), w)
    for t in range(1, this.T + 1):
        rows = None if this.batches is None else torch.from_numpy(this.batches[t - 1]).to(X.device)
        seen = (X, Y) if rows is None else (X[rows], Y[rows])

        def loss(w: Any, seen: Any = seen) -> Any:
            return training_loss(w, lam, decay, *seen)

        state = RULES[this.optimizer](t, lam, state, gradient(loss, state[-1]))
    return cross_entropy(state[-1], Xv, Yv).mean()


def penalties(this: Told, lam: Any) -> Any:
    """The coefficient of each weight, shaped like the weights; None without a penalty."""
    if "l2" not in lam:
        return None
    if this.groups is None:
        return [lam["l2"]] * 2 * len(this.start)
    l2 = lam["l2"]
    return [l2[torch.from_numpy(g.copy()).to(l2.device)] for pair in this.groups for g in pair]


def training_loss(w: Any, lam: Any, decay: Any, X: Any, Y: Any) -> Any:
    each = cross_entropy(w, X, Y)
    loss = (lam["weights"] * each).mean() if "weights" in lam else each.mean()
    if decay is None:
        return loss
    return loss + sum((c * x * x).sum() for c, x in zip(decay, w, strict=True)) / 2


def cross_entropy(w: Any, X: Any, Y: Any) -> Any:
    """Of each example; tanh between the layers."""
    for j in range(0, len(w) - 2, 2):
        X = torch.tanh(X @ w[j].T + w[j + 1])
    return -(Y * torch.log_softmax(X @ w[-2].T + w[-1], dim=1)).sum(dim=1)


# --- the optimizers: (t, λ, (moments …, w), g) → the same, a step later ---


def gradient_descent(t: int, lam: Any, state: Any, g: Any) -> Any:
    return ([x - lam["eta"] * d for x, d in zip(state[0], g, strict=True)],)


def momentum(t: int, lam: Any, state: Any, g: Any) -> Any:
    v, w = state
    v = [lam["mu"] * v + g for v, g in zip(v, g, strict=True)]
    return v, [x - lam["eta"] * v for x, v in zip(w, v, strict=True)]


def adam(t: int, lam: Any, state: Any, g: Any) -> Any:
    m, u, w = state
    one, two = lam["beta1"], lam["beta2"]
    m = [one * m + (1 - one) * g for m, g in zip(m, g, strict=True)]
    u = [two * u + (1 - two) * g * g for u, g in zip(u, g, strict=True)]
    scale, spread = lam["eta"] / (1 - one**t), 1 - two**t
    w = [
        x - scale * m / (torch.sqrt(u / spread) + lam["eps"])
        for x, m, u in zip(w, m, u, strict=True)
    ]
    return m, u, w


RULES: dict[str, Any] = {"GradientDescent": gradient_descent, "Momentum": momentum, "Adam": adam}
MOMENTS = {"GradientDescent": 0, "Momentum": 1, "Adam": 2}
