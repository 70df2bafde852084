"""The problems of the test vectors: thirteen dynamics with three objectives each, and others.

All numbers are multiples of a power of two, so that JSON, float64 and balls hold the same values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hgref.verify.vectors.description import SCHEMA

T = 5
DYNAMICS: dict[str, dict[str, Any]] = {
    "gd": {"kind": "gd"},
    "momentum": {"kind": "momentum"},
    "nesterov": {"kind": "momentum", "nesterov": True, "weight_decay": 0.125},
    "dampened": {"kind": "momentum", "dampening": 0.25},
    "adam-paper": {"kind": "adam", "convention": "paper"},
    "adam-torch": {"kind": "adam", "convention": "torch"},
    "adam-optax": {"kind": "adam", "convention": "optax"},
    "adam-tf1": {"kind": "adam", "convention": "tf1"},
    "adamw-torch": {"kind": "adamw", "convention": "torch"},
    "rmsprop-torch": {"kind": "rmsprop", "convention": "torch"},
    "rmsprop-optax": {"kind": "rmsprop", "convention": "optax"},
    "adagrad-torch": {"kind": "adagrad", "convention": "torch"},
    "adagrad-optax": {"kind": "adagrad", "convention": "optax", "initial": 0.125},
}
RATES: dict[str, dict[str, Any]] = {
    "gd": {"eta": 0.25},
    "momentum": {"eta": 0.125, "mu": 0.75},
    "adam": {"eta": 0.0625, "beta1": 0.875, "beta2": 0.96875, "eps": 2.0**-10},
    "rmsprop": {"eta": 0.0625, "beta": 0.875, "eps": 2.0**-10},
    "adagrad": {"eta": 0.25, "eps": 2.0**-10},
}
RATES["adamw"] = {**RATES["adam"], "weight_decay": 0.125}


def cases() -> Iterator[dict[str, Any]]:
    """Yield the description of each vector, as FORMAT.md lists its fields, up to `lambda`."""
    for dynamics, options in DYNAMICS.items():
        for objective, make in OBJECTIVES.items():
            lam = dict(RATES[options["kind"]])
            if dynamics == "adam-optax":
                lam["eps_root"] = 2.0**-12
            problem = make(np.random.default_rng(len(dynamics)), lam)
            head = {"schema": SCHEMA, "name": f"{dynamics}-{objective}", "dynamics": options}
            yield {**head, "T": T, **problem, "lambda": lam}

    for name, (options, make) in MORE.items():
        lam = dict(RATES[options["kind"]])
        problem = make(np.random.default_rng(len(name)), lam)
        head = {"schema": SCHEMA, "name": name, "dynamics": options}
        K, every = problem["T"] // 2 + 1, max(problem["T"] // 5, 2)
        rate = 2.0**-20 if "eps" in lam else 2.0**-8  # ε stays above 0
        ways = {"truncated": {"K": K}, "realtime": {"every": every, "rate": rate}}
        yield {**head, **problem, "lambda": lam, **ways}


def dyadic(rng: np.random.Generator, *shape: int) -> Any:
    """Random multiples of 1/8 with the spread of a normal distribution."""
    return (np.round(8 * rng.standard_normal(shape)) / 8).tolist()


def quadratic(rng: np.random.Generator, lam: dict[str, Any]) -> dict[str, Any]:
    """A penalised quadratic; E has the penalty too, so it depends on λ directly; w0 is learned."""
    root = np.array(dyadic(rng, 3, 3))
    A = (root @ root.T / 2 + np.eye(3) / 4).tolist()
    lam["l2"] = 0.125
    return {
        "objective": [{"kind": "quadratic", "A": A, "b": dyadic(rng, 3)}, {"kind": "l2"}],
        "error": [
            {"kind": "quadratic", "A": np.eye(3).tolist(), "b": dyadic(rng, 3)},
            {"kind": "l2"},
        ],
        "w0": dyadic(rng, 3),
        "learn_w0": True,
    }


def least_squares(rng: np.random.Generator, lam: dict[str, Any]) -> dict[str, Any]:
    """Mini-batches, a scheduled rate, one coefficient for each weight."""
    lam["eta"] = (lam["eta"] * np.array([1, 1, 0.75, 0.5, 0.5])).tolist()
    lam["l2"] = [0.125, 0.25]
    batches = rng.integers(0, 8, (T, 4)).tolist()
    X, y = dyadic(rng, 8, 2), dyadic(rng, 8)
    return {
        "objective": [
            {"kind": "least-squares", "X": X, "y": y, "batches": batches},
            {"kind": "l2", "groups": "weight"},
        ],
        "error": [{"kind": "least-squares", "X": dyadic(rng, 4, 2), "y": dyadic(rng, 4)}],
        "w0": dyadic(rng, 2),
    }


def softmax(rng: np.random.Generator, lam: dict[str, Any]) -> dict[str, Any]:
    """Example weights; feature 0 of the training data is always 0, and so is its gradient."""
    X = np.array(dyadic(rng, 4, 2))
    X[:, 0] = 0
    lam["weights"] = [1.0, 0.5, 0.75, 0.25]
    options = {"classes": 2, "example_weights": True}
    return {
        "objective": [{"kind": "softmax", "X": X.tolist(), "y": [0, 1, 1, 0], **options}],
        "error": [{"kind": "softmax", "X": dyadic(rng, 4, 2), "y": [0, 1, 0, 1], "classes": 2}],
        "w0": [0.0] * 6,
    }


# --- beside that grid: logistic, centre, no bias, networks, other AdamWs, longer runs, clips, ---
# --- transforms; all of them ask for a truncated gradient and for the path in real time too ---


def logistic(rng: np.random.Generator, lam: dict[str, Any]) -> dict[str, Any]:
    """Centred by the mean row of the training data, which E uses too; example weights; T = 40."""
    X = np.array(dyadic(rng, 8, 2))
    lam |= {"weights": (1 - np.arange(8) / 16).tolist(), "l2": 0.25}
    centre = {"centre": X.mean(axis=0).tolist()}
    data = {"kind": "logistic", "X": X.tolist(), "y": [0, 1, 1, 0, 1, 0, 0, 1], **centre}
    held_out = {"kind": "logistic", "X": dyadic(rng, 4, 2), "y": [1, 0, 1, 1], **centre}
    objective = [{**data, "example_weights": True}, {"kind": "l2"}]
    return {"T": 40, "objective": objective, "error": [held_out], "w0": dyadic(rng, 3)}


def logistic_batches(rng: np.random.Generator, lam: dict[str, Any]) -> dict[str, Any]:
    """No bias; mini-batches with example weights; the start is learned; two penalties."""
    lam |= {"weights": (0.5 + np.arange(8) / 16).tolist(), "l2": 0.125, "pull": [0.25, 0.5]}
    data = {"kind": "logistic", "X": dyadic(rng, 8, 2), "y": [1, 0, 1, 0, 0, 1, 1, 0]}
    batches = rng.integers(0, 8, (12, 4)).tolist()
    penalties = [{"kind": "l2"}, {"kind": "l2", "groups": "weight", "name": "pull"}]
    options = {"bias": False, "example_weights": True, "batches": batches}
    held_out = {"kind": "logistic", "X": dyadic(rng, 4, 2), "y": [0, 1, 1, 0], "bias": False}
    problem = {"objective": [{**data, **options}, *penalties], "error": [held_out]}
    return {"T": 12, **problem, "w0": dyadic(rng, 2), "learn_w0": True}


def network(rng: np.random.Generator, lam: dict[str, Any]) -> dict[str, Any]:
    """Two tanh units; the rate decays; the start is learned."""
    lam["eta"] = [lam["eta"] * 2.0**-k for k in (0, 0, 0, 1, 1, 2, 2, 3)]
    lam["l2"] = 0.0625
    options = {"kind": "mlp", "hidden": [2], "classes": 2}
    data = {**options, "X": dyadic(rng, 4, 2), "y": [0, 1, 1, 0]}
    held_out = {**options, "X": dyadic(rng, 4, 2), "y": [1, 0, 1, 0]}
    problem = {"objective": [data, {"kind": "l2"}], "error": [held_out]}
    return {"T": 8, **problem, "w0": dyadic(rng, 12), "learn_w0": True}


def softmax_batches(rng: np.random.Generator, lam: dict[str, Any]) -> dict[str, Any]:
    """Three classes, mini-batches, all rates but ε scheduled; E on a mini-batch of its own."""
    T = 6
    for name in lam:
        if name not in ("eps", "weight_decay"):
            lam[name] = [lam[name] * (1 - k / 64) for k in range(T)]
    table = rng.integers(0, 8, (T, 2)).tolist()
    data = {"kind": "softmax", "classes": 3, "X": dyadic(rng, 8, 2), "y": [0, 1, 2, 0, 2, 1, 1, 0]}
    held_out = {"kind": "softmax", "classes": 3, "X": dyadic(rng, 4, 2), "y": [2, 1, 0, 1]}
    problem = {"objective": [{**data, "batches": table}], "error": [held_out]}
    return {"T": T, **problem, "w0": dyadic(rng, 9)}


def clipped_norm(rng: np.random.Generator, lam: dict[str, Any]) -> dict[str, Any]:
    """The norm of the data's gradient is above the bound in some steps; the penalty is added."""
    problem = softmax_batches(rng, lam)
    lam |= {"clip": 0.5, "l2": 0.125}
    clipped = {"kind": "clipped", "by": "norm", "of": problem["objective"]}
    return {**problem, "objective": [clipped, {"kind": "l2"}]}


def clipped_value(rng: np.random.Generator, lam: dict[str, Any]) -> dict[str, Any]:
    """Some entries of the gradient of all terms are above the bound; the start is learned."""
    problem = logistic_batches(rng, lam)
    lam["clip"] = 0.1875
    return {**problem, "objective": [
        {"kind": "clipped", "by": "value", "of": problem["objective"]}]}  # fmt: skip


def transformed(rng: np.random.Generator, lam: dict[str, Any]) -> dict[str, Any]:
    """λ is a function of θ: rates by their logarithms, averages through a sigmoid."""
    problem = logistic(rng, lam)
    averages = sorted({"mu", "beta1", "beta2"} & lam.keys())
    lam |= {"eta": -2.5, "l2": -1.5, **dict.fromkeys(averages, 2.0)}
    return {**problem, "T": 16, "transform": {"exp": ["eta", "l2"], "sigmoid": averages}}


MORE: dict[str, tuple[dict[str, Any], Any]] = {
    "gd-logistic": ({"kind": "gd"}, logistic),
    "adam-torch-logistic": ({"kind": "adam", "convention": "torch"}, logistic),
    "momentum-logistic-batches": ({"kind": "momentum"}, logistic_batches),
    "nesterov-logistic-batches": ({"kind": "momentum", "nesterov": True}, logistic_batches),
    "momentum-network": ({"kind": "momentum"}, network),
    "rmsprop-torch-network": ({"kind": "rmsprop", "convention": "torch"}, network),
    "adamw-paper-softmax-batches": ({"kind": "adamw", "convention": "paper"}, softmax_batches),
    "adamw-tf1-softmax-batches": ({"kind": "adamw", "convention": "tf1"}, softmax_batches),
    "adamw-torch-logistic-batches": ({"kind": "adamw", "convention": "torch"}, logistic_batches),
    "momentum-softmax-batches": ({"kind": "momentum"}, softmax_batches),
    "momentum-clipped-norm": ({"kind": "momentum"}, clipped_norm),
    "gd-clipped-value": ({"kind": "gd"}, clipped_value),
    "momentum-transformed": ({"kind": "momentum"}, transformed),
    "adam-torch-transformed": ({"kind": "adam", "convention": "torch"}, transformed),
}
OBJECTIVES = {"quadratic": quadratic, "least-squares": least_squares, "softmax": softmax}
