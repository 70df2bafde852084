"""torch: autograd through the unrolled training loop; torch.func.jacfwd for forward mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from hgref.arguments import Array
from paper_repro.benchmark.peers.plain_case import PlainCase, plain_case
from paper_repro.benchmark.problems import Case

Gradient = Callable[[Callable[[Any], Any], Any], Any]


class Placed(NamedTuple):
    """The inputs of a run on the device: data, initial weights, penalty groups, mini-batches."""

    X: Any
    Y: Any
    Xv: Any
    Yv: Any
    start: list[Any]
    groups: list[Any] | None
    batches: list[Any] | None


def placed(this: PlainCase, device: str) -> Placed:
    def there(array: Array) -> Any:
        return torch.from_numpy(array.copy()).to(device)

    X, Y, Xv, Yv = map(there, (this.X, this.Y, this.Xv, this.Yv))
    start = [there(array) for pair in this.start for array in pair]
    groups = None if this.groups is None else [there(g) for pair in this.groups for g in pair]
    batches = None if this.batches is None else [there(rows) for rows in this.batches]
    return Placed(X, Y, Xv, Yv, start, groups, batches)


def hypergradient(
    case: Case, dtype: str, device: str = "cpu", graph: bool = False
) -> Callable[[], Array]:
    """∇f(λ): autograd through the unrolled loop, or jacfwd for the blocks of case.wrt.

    graph  record the computation once as a CUDA graph and replay it, without launch overhead
    """
    this = plain_case(case, dtype)
    data = placed(this, device)
    names = list(this.hyper) if case.wrt is None else list(case.wrt)

    def gradient() -> dict[str, Any]:
        return (reverse if case.wrt is None else forward)(this, lam, data, names)

    def answer(found: dict[str, Any]) -> Array:
        return case.columns.flatten({n: np.asarray(found[n].cpu(), float) for n in names})

    lam = {n: torch.from_numpy(value.copy()).to(device) for n, value in this.hyper.items()}
    if not graph:
        return lambda: answer(gradient())
    recorded, found = record(gradient)

    def replay() -> Array:
        recorded.replay()
        return answer(found)

    return replay


def record(gradient: Callable[[], Any]) -> tuple[Any, Any]:
    """(a CUDA graph of the call, the tensors that hold its results after each replay)."""
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):  # warm up: libraries initialise outside the recording
        gradient()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    # "relaxed": other libraries of this process may free memory while it is recorded
    with torch.cuda.graph(graph, capture_error_mode="relaxed"):
        found = gradient()
    return graph, found


def reverse(this: PlainCase, lam: Any, data: Any, names: list[str]) -> dict[str, Any]:
    for name in names:
        lam[name].requires_grad_()
    E = trained_error(this, lam, data, recorded_gradient)
    return dict(zip(names, torch.autograd.grad(E, [lam[n] for n in names]), strict=True))


def recorded_gradient(loss: Callable[[Any], Any], w: Any) -> Any:
    """∇loss(w), which autograd can differentiate again with respect to λ and w."""
    w = [x if x.requires_grad else x.requires_grad_() for x in w]
    return torch.autograd.grad(loss(w), w, create_graph=True)


def forward(this: PlainCase, lam: Any, data: Any, names: list[str]) -> dict[str, Any]:
    def f(chosen: Any) -> Any:
        value = trained_error(this, {**lam, **chosen}, data, functional_gradient)
        return value, value

    gradient, _ = torch.func.jacfwd(f, has_aux=True)({name: lam[name] for name in names})
    return gradient


def functional_gradient(loss: Callable[[Any], Any], w: Any) -> Any:
    return torch.func.grad(loss)(list(w))


def trained_error(this: PlainCase, lam: Any, data: Any, gradient: Gradient) -> Any:
    """E(w_T); the weights are a flat list W, b, W, b, …"""
    X, Y, w = data.X, data.Y, [x.clone() for x in data.start]
    decay = penalties(lam, data)
    state: Any = (*([torch.zeros_like(x) for x in w] for _ in range(MOMENTS[this.optimizer])), w)
    for t in range(1, this.T + 1):
        rows = None if data.batches is None else data.batches[t - 1]
        seen = (X, Y) if rows is None else (X[rows], Y[rows])

        def loss(w: Any, seen: Any = seen) -> Any:
            return training_loss(w, lam, decay, *seen)

        state = RULES[this.optimizer](t, lam, state, gradient(loss, state[-1]))
    return cross_entropy(state[-1], data.Xv, data.Yv).mean()


def penalties(lam: Any, data: Placed) -> Any:
    """The penalty coefficient of each weight, shaped like the weights; None without a penalty."""
    if "l2" not in lam:
        return None
    if data.groups is None:
        return [lam["l2"]] * len(data.start)
    return [lam["l2"][group] for group in data.groups]


def training_loss(w: Any, lam: Any, decay: Any, X: Any, Y: Any) -> Any:
    each = cross_entropy(w, X, Y)
    loss = (lam["weights"] * each).mean() if "weights" in lam else each.mean()
    if decay is None:
        return loss
    return loss + sum((c * x * x).sum() for c, x in zip(decay, w, strict=True)) / 2


def cross_entropy(w: Any, X: Any, Y: Any) -> Any:
    """The loss of each example; the hidden layers have tanh units."""
    for j in range(0, len(w) - 2, 2):
        X = torch.tanh(X @ w[j].T + w[j + 1])
    return -(Y * torch.log_softmax(X @ w[-2].T + w[-1], dim=1)).sum(dim=1)


# --- the optimizers: (t, λ, (moments …, w), g) → (moments …, w) after the step ---


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
