"""JAX: training by lax.scan as a function of λ, differentiated and compiled as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hgref.arguments import Array
from paper_repro.benchmark.peers.plain_case import PlainCase, plain_case
from paper_repro.benchmark.problems import Case


def hypergradient(case: Case, dtype: str, checkpointed: bool = False) -> Callable[[], Array]:
    """∇f(λ): `value_and_grad`, or `jacfwd` with respect to the blocks of case.wrt.

    checkpointed  wrap the step in jax.checkpoint, which stores only its carry
    Beware        enables or disables float64 for the whole process
    """
    jax.config.update("jax_enable_x64", dtype == "float64")
    this = plain_case(case, dtype)
    data = jax.device_put({"X": this.X, "Y": this.Y, "Xv": this.Xv, "Yv": this.Yv})
    names = list(this.hyper) if case.wrt is None else list(case.wrt)
    fixed = {n: jnp.asarray(value) for n, value in this.hyper.items() if n not in names}

    def f(lam: Any, data: Any) -> Any:
        value = trained_error(this, {**fixed, **lam}, data, checkpointed)
        return value, value

    derivative = jax.grad(f, has_aux=True) if case.wrt is None else jax.jacfwd(f, has_aux=True)
    compiled = jax.jit(derivative)

    def run() -> Array:
        lam = {name: jnp.asarray(this.hyper[name]) for name in names}
        gradient, _ = jax.block_until_ready(compiled(lam, data))
        return case.columns.flatten({name: np.asarray(gradient[name], float) for name in names})

    return run


def trained_error(this: PlainCase, lam: Any, data: Any, checkpointed: bool) -> Any:
    """E(w_T) as a function of λ."""
    decay = None
    if "l2" in lam:
        groups = jax.tree.map(jnp.zeros_like, this.start) if this.groups is None else this.groups
        l2 = jnp.reshape(lam["l2"], -1)
        decay = jax.tree.map(lambda group: l2[jnp.asarray(group, int)], groups)

    def training_loss(w: Any, rows: Any) -> Any:
        X, Y = (data["X"], data["Y"]) if rows is None else (data["X"][rows], data["Y"][rows])
        each = cross_entropy(w, X, Y)
        loss = (lam["weights"] * each).mean() if "weights" in lam else each.mean()
        if decay is None:
            return loss
        squares = jax.tree.map(lambda c, x: (c * x * x).sum(), decay, w)
        return loss + sum(jax.tree.leaves(squares)) / 2

    def step(state: Any, now: Any) -> Any:
        t, rows = now
        g = jax.grad(training_loss)(state[-1], rows)
        return RULES[this.optimizer](t, lam, state, g), None

    start = jax.tree.map(jnp.asarray, this.start)
    moments = [jax.tree.map(jnp.zeros_like, start)] * MOMENTS[this.optimizer]
    batches = None if this.batches is None else jnp.asarray(this.batches)
    body = jax.checkpoint(step) if checkpointed else step
    last, _ = jax.lax.scan(body, (*moments, start), (jnp.arange(1, this.T + 1), batches))
    return cross_entropy(last[-1], data["Xv"], data["Yv"]).mean()


def cross_entropy(w: Any, X: Any, Y: Any) -> Any:
    """The loss of each example; the hidden layers have tanh units."""
    *hidden, (W, b) = w
    for V, v in hidden:
        X = jnp.tanh(X @ V.T + v)
    return -(Y * jax.nn.log_softmax(X @ W.T + b)).sum(axis=1)


# --- the optimizers: (t, λ, (moments …, w), g) → (moments …, w) after the step ---


def gradient_descent(t: Any, lam: Any, state: Any, g: Any) -> Any:
    return (jax.tree.map(lambda x, g: x - lam["eta"] * g, state[0], g),)


def momentum(t: Any, lam: Any, state: Any, g: Any) -> Any:
    v, w = state
    v = jax.tree.map(lambda v, g: lam["mu"] * v + g, v, g)
    return v, jax.tree.map(lambda x, v: x - lam["eta"] * v, w, v)


def adam(t: Any, lam: Any, state: Any, g: Any) -> Any:
    m, u, w = state
    one, two = lam["beta1"], lam["beta2"]
    m = jax.tree.map(lambda m, g: one * m + (1 - one) * g, m, g)
    u = jax.tree.map(lambda u, g: two * u + (1 - two) * g * g, u, g)

    def move(x: Any, m: Any, u: Any) -> Any:
        spread = jnp.sqrt(u / (1 - two**t)) + lam["eps"]
        return x - lam["eta"] * (m / (1 - one**t)) / spread

    return m, u, jax.tree.map(move, w, m, u)


RULES = {"GradientDescent": gradient_descent, "Momentum": momentum, "Adam": adam}
MOMENTS = {"GradientDescent": 0, "Momentum": 1, "Adam": 2}
