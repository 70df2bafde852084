"""optax: its transformations under jax.lax.scan, jax.grad through the scan.

Documented calls: optax.sgd, adam, adamw, rmsprop, adagrad with learning_rate a schedule; where the
convention is another, optax.chain, scale_by_schedule, inject_hyperparams.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from paper_repro.peers.adapters.optax_chains import transformation
from paper_repro.peers.pose import Answer, Pose, loss

jax.config.update("jax_enable_x64", True)


def hypergradient(pose: Pose) -> Answer:
    def f(lam: dict[str, Any]) -> Any:
        optimizer = transformation(pose, lam)

        def step(carry: Any, t: Any) -> Any:
            w, state = carry
            g = jax.grad(lambda w: loss(jnp, pose.training, w, lam, t))(w)
            updates, state = optimizer.update(g, state, w)
            return (optax.apply_updates(w, updates), state), None

        w0 = lam.get("w0", jnp.asarray(pose.w0))
        (w, _), _ = jax.lax.scan(step, (w0, optimizer.init(w0)), jnp.arange(1, pose.T + 1))
        return loss(jnp, pose.error, w, lam, pose.T)

    lam = {name: jnp.asarray(value) for name, value in pose.lam.items()}
    return Answer(jax.jit(jax.grad(f))(lam))
