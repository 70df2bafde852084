"""The vectors' dynamics as optax transformations, every hyperparameter traced by JAX."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import optax

from paper_repro.peers.pose import NotExpressible, Pose


def transformation(pose: Pose, lam: dict[str, Any]) -> Any:
    """The optimizer of a vector; its step size is a schedule, i.e. a function of the count."""
    if pose.kind not in KINDS:
        raise NotExpressible("optax has nothing that sums squares and has ε outside the root")

    def rate(count: Any) -> Any:
        return lam["eta"][count] if pose.scheduled else lam["eta"]

    return KINDS[pose.kind](pose, lam, rate)


def gd(pose: Pose, lam: Any, rate: Any) -> Any:
    return optax.sgd(rate)


def momentum(pose: Pose, lam: Any, rate: Any) -> Any:
    """Dampening does not apply to the first gradient, hence the schedule before the trace."""
    decay, damping = pose.option("weight_decay", 0.0), pose.option("dampening", 0.0)
    return optax.chain(
        optax.add_decayed_weights(decay),
        optax.scale_by_schedule(lambda count: jnp.where(count == 0, 1.0, 1.0 - damping)),
        optax.sgd(rate, momentum=lam["mu"], nesterov=pose.option("nesterov", False)),
    )


def adam(pose: Pose, lam: Any, rate: Any) -> Any:
    root = lam.get("eps_root", 0.0)
    return optax.adam(rate, lam["beta1"], lam["beta2"], eps=lam["eps"], eps_root=root)


def adamw(pose: Pose, lam: Any, rate: Any) -> Any:
    decay = lam["weight_decay"]
    return optax.adamw(rate, lam["beta1"], lam["beta2"], eps=lam["eps"], weight_decay=decay)


def adam_with(lam: Any, rate: Any, eps: Any, eps_root: Any) -> Any:
    """Adam whose ε changes with the count."""
    scale = optax.inject_hyperparams(optax.scale_by_adam)(
        b1=lam["beta1"], b2=lam["beta2"], eps=eps, eps_root=eps_root
    )
    return optax.chain(scale, optax.scale_by_learning_rate(rate))


def adam_paper(pose: Pose, lam: Any, rate: Any) -> Any:
    """√(u + ε) / q = √(û + ε / q²), q² = 1 − β2^t: optax's Adam with a varying eps_root."""
    return adam_with(lam, rate, 0.0, lambda count: lam["eps"] / (1 - lam["beta2"] ** (count + 1)))


def adam_tf1(pose: Pose, lam: Any, rate: Any) -> Any:
    """(√u + ε) / q = √û + ε / q: optax's Adam with a varying eps."""
    return adam_with(
        lam, rate, lambda count: lam["eps"] / jnp.sqrt(1 - lam["beta2"] ** (count + 1)), 0.0
    )


def rmsprop(pose: Pose, lam: Any, rate: Any) -> Any:
    inside = pose.kind == "rmsprop-optax"
    return optax.rmsprop(rate, decay=lam["beta"], eps=lam["eps"], eps_in_sqrt=inside)


def adagrad(pose: Pose, lam: Any, rate: Any) -> Any:
    return optax.adagrad(rate, pose.option("initial", 0.1), eps=lam["eps"])


KINDS: dict[str, Any] = {
    "gd": gd,
    "momentum": momentum,
    "adam-torch": adam,
    "adam-optax": adam,
    "adam-paper": adam_paper,
    "adam-tf1": adam_tf1,
    "adamw-torch": adamw,
    "rmsprop-torch": rmsprop,
    "rmsprop-optax": rmsprop,
    "adagrad-optax": adagrad,
}
