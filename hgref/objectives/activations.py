"""Activations, with the sigmoid and softplus that losses use, all without overflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array


def guard(z: Array) -> Any:
    """max(z, 0), a constant that keeps e^{z - guard} finite.

    0 for exact numbers and balls: they do not overflow, and e^{-guard} would be inexact.
    """
    return 0 if z.dtype == object else np.maximum(z.real, 0)


def softplus(z: Array) -> Array:
    """log(1 + e^z) without overflow; the shift is a constant, so complex steps pass through."""
    shift = guard(z)
    return shift + np.log(np.exp(-shift) + np.exp(z - shift))


def sigmoid(z: Array) -> Array:
    """1 / (1 + e^{-z}) without overflow."""
    shift = guard(z)
    return np.exp(z - shift) / (np.exp(-shift) + np.exp(z - shift))


# --- hidden units: z → (a(z), a'(z), a''(z)) ---


def tanh_unit(z: Array) -> tuple[Array, Array, Array]:
    h = np.tanh(z)
    return h, laws.tanh_slope(h), laws.tanh_bend(h)


def softplus_unit(z: Array) -> tuple[Array, Array, Array]:
    P, Q = sigmoid(z), sigmoid(-z)
    return softplus(z), laws.softplus_slope(P), laws.softplus_bend(P, Q)


def relu_unit(z: Array) -> tuple[Array, Array, float]:
    return laws.relu(z), laws.relu_slope(z), 0.0


ACTIVATIONS: dict[str, Callable[[Array], tuple[Array, Array, Any]]] = {
    "tanh": tanh_unit,
    "softplus": softplus_unit,
    "relu": relu_unit,
}
