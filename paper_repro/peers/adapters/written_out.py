"""The update rules of the vectors, for libraries that differentiate but have no optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paper_repro.peers.pose import NotExpressible, Pose

Gradient = Callable[[Any, int], Any]


def train(xp: Any, pose: Pose, lam: dict[str, Any], w: Any, gradient: Gradient) -> Any:
    """w_T, in torch or in jax.numpy; gradient(w, t) is ∇J_t."""
    if pose.kind not in RULES:
        raise NotExpressible(f"the adapter has not written out the update of {pose.kind}")
    rule = RULES[pose.kind]
    state: dict[str, Any] = {}
    for t in range(1, pose.T + 1):
        now = {n: x[t - 1] if n == "eta" and pose.scheduled else x for n, x in lam.items()}
        w = rule(xp, pose, now, w, gradient(w, t), state, t)
    return w


def gd(xp: Any, pose: Pose, lam: Any, w: Any, g: Any, state: Any, t: int) -> Any:
    return w - lam["eta"] * g


def momentum(xp: Any, pose: Pose, lam: Any, w: Any, g: Any, state: Any, t: int) -> Any:
    g = g + pose.option("weight_decay", 0.0) * w
    damped = g if t == 1 else (1 - pose.option("dampening", 0.0)) * g
    v = state["v"] = lam["mu"] * state.get("v", 0.0) + damped
    return w - lam["eta"] * (g + lam["mu"] * v if pose.option("nesterov", False) else v)


def moments(lam: Any, g: Any, state: Any, t: int) -> tuple[Any, Any, Any, Any]:
    """m, u, 1 − β1^t and 1 − β2^t."""
    m = state["m"] = lam["beta1"] * state.get("m", 0.0) + (1 - lam["beta1"]) * g
    u = state["u"] = lam["beta2"] * state.get("u", 0.0) + (1 - lam["beta2"]) * g * g
    return m, u, 1 - lam["beta1"] ** t, 1 - lam["beta2"] ** t


def adam_torch(xp: Any, pose: Pose, lam: Any, w: Any, g: Any, state: Any, t: int) -> Any:
    m, u, c1, c2 = moments(lam, g, state, t)
    return w - lam["eta"] * (m / c1) / (xp.sqrt(u / c2) + lam["eps"])


def adam_optax(xp: Any, pose: Pose, lam: Any, w: Any, g: Any, state: Any, t: int) -> Any:
    m, u, c1, c2 = moments(lam, g, state, t)
    return w - lam["eta"] * (m / c1) / (xp.sqrt(u / c2 + lam["eps_root"]) + lam["eps"])


def adam_tf1(xp: Any, pose: Pose, lam: Any, w: Any, g: Any, state: Any, t: int) -> Any:
    m, u, c1, c2 = moments(lam, g, state, t)
    return w - lam["eta"] * xp.sqrt(c2) / c1 * m / (xp.sqrt(u) + lam["eps"])


def adam_paper(xp: Any, pose: Pose, lam: Any, w: Any, g: Any, state: Any, t: int) -> Any:
    m, u, c1, c2 = moments(lam, g, state, t)
    return w - lam["eta"] * xp.sqrt(c2) / c1 * m / xp.sqrt(u + lam["eps"])


def adamw_torch(xp: Any, pose: Pose, lam: Any, w: Any, g: Any, state: Any, t: int) -> Any:
    decayed = (1 - lam["eta"] * lam["weight_decay"]) * w
    return adam_torch(xp, pose, lam, decayed, g, state, t)


def mean_square(lam: Any, g: Any, state: Any) -> Any:
    state["u"] = lam["beta"] * state.get("u", 0.0) + (1 - lam["beta"]) * g * g
    return state["u"]


def sum_of_squares(pose: Pose, g: Any, state: Any) -> Any:
    start = pose.option("initial", 0.1 if pose.kind == "adagrad-optax" else 0.0)
    state["u"] = state.get("u", start) + g * g
    return state["u"]


def rmsprop_torch(xp: Any, pose: Pose, lam: Any, w: Any, g: Any, state: Any, t: int) -> Any:
    return w - lam["eta"] * g / (xp.sqrt(mean_square(lam, g, state)) + lam["eps"])


def rmsprop_optax(xp: Any, pose: Pose, lam: Any, w: Any, g: Any, state: Any, t: int) -> Any:
    return w - lam["eta"] * g / xp.sqrt(mean_square(lam, g, state) + lam["eps"])


def adagrad_torch(xp: Any, pose: Pose, lam: Any, w: Any, g: Any, state: Any, t: int) -> Any:
    return w - lam["eta"] * g / (xp.sqrt(sum_of_squares(pose, g, state)) + lam["eps"])


def adagrad_optax(xp: Any, pose: Pose, lam: Any, w: Any, g: Any, state: Any, t: int) -> Any:
    return w - lam["eta"] * g / xp.sqrt(sum_of_squares(pose, g, state) + lam["eps"])


RULES: dict[str, Callable[..., Any]] = {
    "gd": gd,
    "momentum": momentum,
    "adam-torch": adam_torch,
    "adam-optax": adam_optax,
    "adam-tf1": adam_tf1,
    "adam-paper": adam_paper,
    "adamw-torch": adamw_torch,
    "rmsprop-torch": rmsprop_torch,
    "rmsprop-optax": rmsprop_optax,
    "adagrad-torch": adagrad_torch,
    "adagrad-optax": adagrad_optax,
}
