"""The training runs on which the wrong loops make their mistakes, as plain arrays and numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import hgref
from hgref.objectives import L2, MLP, LeastSquares, Logistic, Softmax

n, nv, D, CLASSES, T = 12, 9, 4, 3, 14  # examples to train and to validate, features


@dataclass(frozen=True)
class Setting:
    """What a user has: data, a start, hyperparameters, and a loop of T steps.

    X, y     training examples (n, D) and labels;  Xv, yv: those of the validation error
    w0       the start: for linear models W (classes, D) by rows, then the biases
    lam      name → value of each hyperparameter, float64
    batches  (T, B) numbers of the examples of each step, or None
    problem  the same run, for hgref
    traces   what a loop notes of itself, for hgref.locate: name → rows
    """

    problem: hgref.Problem
    X: Any
    y: Any
    Xv: Any
    yv: Any
    w0: Any
    lam: dict[str, Any]
    batches: Any = None
    T: int = T
    traces: dict[str, list[Any]] = field(default_factory=dict)

    def note(self, trace: str, *blocks: Any) -> None:
        """Add a row to "states", s_0 first, or to "alphas", α_T first.

        blocks  of the state, w last: arrays or tensors; a number stands for a whole block
        """
        shape = np.shape(self.w0)
        each = [np.broadcast_to(plain(block), shape) for block in blocks]
        self.traces.setdefault(trace, []).append(np.concatenate(each, dtype=float))


def plain(x: Any) -> Any:
    return x.detach().numpy() if hasattr(x, "detach") else np.asarray(x)


@dataclass(frozen=True)
class Loop:
    """A wrong loop: a function of a setting that gives name → gradient.

    names   of the catalogue that describe it; () for a mistake that it does not have
    lost    where a loop that notes traces first leaves the truth: (trace, step, cause), as in
            hgref.verify.locate.Located; ("grad", 0, blocks) where its traces are right, and its
            answer is not what follows from them; None: it notes nothing
    """

    function: Callable[[Setting], dict[str, Any]]
    on: str
    names: tuple[str, ...]
    lost: tuple[str, int, str] | None = None

    def __repr__(self) -> str:
        return f"{self.function.__module__}.{self.function.__name__} on {self.on}"


@dataclass
class Loops:
    """All the loops of a file."""

    found: list[Loop] = field(default_factory=list)

    def wrong(
        self, *names: str, on: tuple[str, ...], lost: tuple[str, int, str] | None = None
    ) -> Callable[[Any], Any]:
        """Mark a function as a wrong loop on these settings; no name: nobody knows it."""

        def mark(function: Callable[[Setting], dict[str, Any]]) -> Any:
            self.found += [Loop(function, setting, names, lost) for setting in on]
            return function

        return mark


def make(name: str) -> Setting:
    """One of SETTINGS, always with the same numbers."""
    rng = np.random.default_rng(sum(map(ord, name)))
    X, Xv = rng.standard_normal((n, D)), rng.standard_normal((nv, D))
    y, yv = rng.integers(0, CLASSES, n), rng.integers(0, CLASSES, nv)
    return SETTINGS[name](rng, X, y, Xv, yv)


def posed(dynamics: Any, E: Any, data: Any, w0: Any, lam: Any, batches: Any = None) -> Setting:
    X, y, Xv, yv = data
    problem = hgref.Problem(dynamics, E, T, w0, learn_w0="w0" in lam)
    lam = {name: np.asarray(block, dtype=float) for name, block in lam.items()}
    return Setting(problem, X, y, Xv, yv, w0, lam, batches)


def softmax_gd(rng: Any, *data: Any) -> Setting:
    """J = mean cross-entropy + l2/2 ‖w‖² (biases too); E = mean cross-entropy."""
    X, y, Xv, yv = data
    J, E = Softmax(X, y, CLASSES) + L2(), Softmax(Xv, yv, CLASSES)
    w0 = rng.standard_normal(CLASSES * (D + 1))
    return posed(hgref.GradientDescent(J), E, data, w0, {"eta": 0.4, "l2": 0.15})


def softmax_schedule(rng: Any, *data: Any) -> Setting:
    """softmax_gd with a rate for each step: step t = 1 … T uses eta[t - 1]."""
    X, y, Xv, yv = data
    J, E = Softmax(X, y, CLASSES) + L2(), Softmax(Xv, yv, CLASSES)
    w0 = rng.standard_normal(CLASSES * (D + 1))
    eta = 0.5 * np.cos(np.linspace(0, 1.2, T))
    return posed(hgref.GradientDescent(J), E, data, w0, {"eta": eta, "l2": 0.15})


def weighted_momentum(rng: Any, *data: Any) -> Setting:
    """J = (1/n) Σ weights_i ℓ_i + l2/2 ‖w‖²; v = mu v + g, w = w − eta v, v_0 = 0."""
    X, y, Xv, yv = data
    J, E = Softmax(X, y, CLASSES, example_weights=True) + L2(), Softmax(Xv, yv, CLASSES)
    w0 = rng.standard_normal(CLASSES * (D + 1))
    lam = {"eta": 0.2, "mu": 0.8, "weights": rng.uniform(0.2, 1.5, n), "l2": 0.05}
    return posed(hgref.Momentum(J), E, data, w0, lam)


def batches_momentum(rng: Any, *data: Any) -> Setting:
    """Mini-batches of 4: J_t = mean cross-entropy of batches[t - 1] + l2/2 ‖w‖²; momentum."""
    X, y, Xv, yv = data
    table = np.stack([rng.choice(n, 4, replace=False) for _ in range(T)])
    J, E = Softmax(X, y, CLASSES, batches=table) + L2(), Softmax(Xv, yv, CLASSES)
    w0 = rng.standard_normal(CLASSES * (D + 1))
    lam = {"eta": 0.15, "mu": 0.7, "l2": 0.1}
    return posed(hgref.Momentum(J), E, data, w0, lam, table)


def logistic_adam(rng: Any, *data: Any) -> Setting:
    """Labels 0, 1; J = mean log(1 + e^z) − y z, plus l2/2 ‖w‖²; w (D, bias); Adam as in torch.

    m, u = β1 m + (1 − β1) g, β2 u + (1 − β2) g²;  w = w − eta (m / c1) / (√(u / c2) + eps),
    c1, c2 = 1 − β1^t, 1 − β2^t.
    """
    X, y, Xv, yv = data
    data = X, (y > 0).astype(int), Xv, (yv > 0).astype(int)
    J, E = Logistic(data[0], data[1]) + L2(), Logistic(data[2], data[3])
    lam = {"eta": 0.1, "beta1": 0.85, "beta2": 0.95, "eps": 1e-3, "l2": 0.1}
    w0 = rng.standard_normal(D + 1)
    return posed(hgref.Adam(J, "torch"), E, data, w0, lam)


def ridge_start(rng: Any, *data: Any) -> Setting:
    """J = 1/(2n) ‖X w − y‖² + l2/2 ‖w‖², no bias, real y; the start w0 is learned too; GD."""
    X, _, Xv, _ = data
    data = X, rng.standard_normal(n), Xv, rng.standard_normal(nv)
    J, E = LeastSquares(X, data[1]) + L2(), LeastSquares(Xv, data[3])
    w0 = rng.standard_normal(D)
    return posed(hgref.GradientDescent(J), E, data, w0, {"eta": 0.2, "l2": 0.3, "w0": w0})


def penalised_error(rng: Any, *data: Any) -> Setting:
    """E = mean cross-entropy + l2/2 ‖w_T‖² with the same l2 as J: E depends on λ directly."""
    X, y, Xv, yv = data
    J, E = Softmax(X, y, CLASSES) + L2(), Softmax(Xv, yv, CLASSES) + L2()
    w0 = rng.standard_normal(CLASSES * (D + 1))
    lam = {"eta": 0.2, "mu": 0.6, "l2": 0.2}
    return posed(hgref.Momentum(J), E, data, w0, lam)


def mlp_momentum(rng: Any, *data: Any) -> Setting:
    """A network D → 5 (tanh) → classes: w is W1 (5, D) by rows, b1, W2 (3, 5), b2; momentum."""
    X, y, Xv, yv = data
    J = MLP(X, y, [5], classes=CLASSES) + L2()
    E = MLP(Xv, yv, [5], classes=CLASSES)
    w0 = 0.5 * rng.standard_normal(5 * D + 5 + 5 * CLASSES + CLASSES)
    lam = {"eta": 0.2, "mu": 0.7, "l2": 0.02}
    return posed(hgref.Momentum(J), E, data, w0, lam)


def softmax_rmsprop(rng: Any, *data: Any) -> Setting:
    """u = beta u + (1 − beta) g², w = w − eta g / (√u + eps), as torch.optim.RMSprop."""
    X, y, Xv, yv = data
    J, E = Softmax(X, y, CLASSES) + L2(), Softmax(Xv, yv, CLASSES)
    w0 = rng.standard_normal(CLASSES * (D + 1))
    lam = {"eta": 0.05, "beta": 0.9, "eps": 1e-2, "l2": 0.1}
    return posed(hgref.RMSProp(J, "torch"), E, data, w0, lam)


def logistic_adamw(rng: Any, *data: Any) -> Setting:
    """logistic_adam's loss without l2; torch.optim.AdamW: w = (1 − eta weight_decay) w first."""
    X, y, Xv, yv = data
    data = X, (y > 0).astype(int), Xv, (yv > 0).astype(int)
    J, E = Logistic(data[0], data[1]), Logistic(data[2], data[3])
    lam = {"eta": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-2, "weight_decay": 0.2}
    return posed(hgref.AdamW(J, "torch"), E, data, rng.standard_normal(D + 1), lam)


SETTINGS = {setting.__name__: setting for setting in (
    softmax_gd, softmax_schedule, weighted_momentum, batches_momentum, logistic_adam, ridge_start,
    penalised_error, mlp_momentum, softmax_rmsprop, logistic_adamw)}  # fmt: skip
