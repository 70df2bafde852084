"""A test vector as plain NumPy arrays, with losses that work in any array library.

This module does not need hgref: an answer depends only on the library and the vector's file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Array = Any


class NotExpressible(Exception):
    """The documented API cannot express the vector; the message says why in one sentence."""


@dataclass(frozen=True)
class Answer:
    """The blocks of ∇f(λ) that a library computed.

    grad      name → array or number
    left_out  name → sentence: blocks that the documented API cannot differentiate
    failed    name → message: blocks that ended in an error although others did not
    """

    grad: dict[str, Any]
    left_out: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pose:
    """A test vector as arrays.

    T, w0           number of steps; (p,) initial weights
    dynamics        its kind and options
    lam             name → float array (), (T,) or (n,): the hyperparameters, including w0 if it
                    is learned
    training        terms of J_t, each a dictionary of arrays
    error           terms of E
    """

    name: str
    T: int
    w0: Array
    dynamics: dict[str, Any]
    lam: dict[str, Array]
    training: list[dict[str, Any]]
    error: list[dict[str, Any]]

    @property
    def kind(self) -> str:
        """gd, momentum, adam-torch, …: the dynamics, and its convention if it has one."""
        return "-".join(filter(None, (self.dynamics["kind"], self.dynamics.get("convention"))))

    def option(self, name: str, default: Any) -> Any:
        """An option of the dynamics."""
        return self.dynamics.get(name, default)

    def rates(self) -> Array:
        """The step size of each step, (T,)."""
        return np.broadcast_to(self.lam["eta"], self.T)

    @property
    def scheduled(self) -> bool:
        """Whether the step size changes from step to step."""
        return self.lam["eta"].ndim > 0


def read(path: str | Path) -> Pose:
    """Read the vector in a file.

    Raises   NotExpressible if it has a loss or a transform that the adapters do not support
    """
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    if "transform" in content:
        raise NotExpressible("the adapters have no functions of the hyperparameters")
    w0 = np.array(content["w0"], float)
    lam = {name: np.array(value, float) for name, value in content["lambda"].items()}
    if content.get("learn_w0"):
        lam["w0"] = w0
    return Pose(
        name=content["name"],
        T=content["T"],
        w0=w0,
        dynamics=content["dynamics"],
        lam=lam,
        training=[plain(term) for term in content["objective"]],
        error=[plain(term) for term in content["error"]],
    )


def plain(term: dict[str, Any]) -> dict[str, Any]:
    """A term of J or E as arrays, with one-hot labels and integer batches."""
    kind = term["kind"]
    known = {
        "quadratic": {"A", "b"},
        "least-squares": {"X", "y", "batches", "example_weights"},
        "softmax": {"X", "y", "classes", "batches", "example_weights"},
        "l2": {"groups"},
    }
    beyond = set(term) - {"kind"} - known.get(kind, set())
    if kind not in known or beyond or term.get("groups", "weight") != "weight":
        raise NotExpressible(f"the adapters have no loss {kind!r} with {sorted(beyond)}")
    made: dict[str, Any] = {"kind": kind, "example_weights": bool(term.get("example_weights"))}
    made.update({name: np.array(term[name], float) for name in ("A", "b", "X") if name in term})
    if "batches" in term:
        made["batches"] = np.array(term["batches"], int)
    if "y" in term:
        y = np.array(term["y"])
        made["y"] = np.eye(term["classes"])[y] if kind == "softmax" else y.astype(float)
    return made


def loss(xp: Any, terms: list[dict[str, Any]], w: Any, lam: dict[str, Any], t: Any) -> Any:
    """The sum of the terms at step t = 1, 2, …; xp is torch, jax.numpy, autograd.numpy or NumPy."""
    return sum(one_term(xp, term, w, lam, t) for term in terms)


def one_term(xp: Any, term: dict[str, Any], w: Any, lam: dict[str, Any], t: Any) -> Any:
    if term["kind"] == "quadratic":
        A, b = xp.asarray(term["A"]), xp.asarray(term["b"])
        return w @ A @ w / 2 - b @ w
    if term["kind"] == "l2":
        return (lam["l2"] * w * w).sum() / 2
    each = examples(xp, term, w)
    if "batches" in term:
        rows = xp.asarray(term["batches"])[t - 1]
        each = each[rows]
        return (lam["weights"][rows] * each if term["example_weights"] else each).sum() / len(rows)
    return (lam["weights"] * each if term["example_weights"] else each).sum() / len(term["y"])


def examples(xp: Any, term: dict[str, Any], w: Any) -> Any:
    """The loss of each example; for softmax, w holds W (classes, features) row by row, then b."""
    X, y = xp.asarray(term["X"]), xp.asarray(term["y"])
    if term["kind"] == "least-squares":
        return (X @ w - y) ** 2 / 2
    classes, features = term["y"].shape[1], term["X"].shape[1]
    z = X @ w[: classes * features].reshape(classes, features).T + w[classes * features :]
    return xp.log(xp.exp(z).sum(-1)) - (y * z).sum(-1)
