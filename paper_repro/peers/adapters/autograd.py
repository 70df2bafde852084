"""HIPS autograd: its optimizers are plain functions, and its grad goes through them.

Documented calls: autograd.grad through autograd.misc.optimizers.sgd and adam ("you could take
gradients of these functions too if you want to do meta-optimization").
"""

from __future__ import annotations

from typing import Any

import autograd.numpy as np
from autograd import grad
from autograd.misc.optimizers import adam, sgd

from paper_repro.peers.pose import Answer, NotExpressible, Pose, loss


def hypergradient(pose: Pose) -> Answer:
    if pose.kind not in KINDS or pose.option("nesterov", False) or pose.option("dampening", 0):
        raise NotExpressible(
            "autograd.misc.optimizers has sgd with plain momentum, adam with torch's ε, and an "
            "rmsprop whose mean starts at 1"
        )
    if pose.scheduled:
        raise NotExpressible("autograd.misc.optimizers take one step_size for all steps")

    def f(lam: dict[str, Any]) -> Any:
        def gradient(w: Any, t: int) -> Any:  # t counts from 0 here
            return grad(lambda w: loss(np, pose.training, w, lam, t + 1))(w)

        w = KINDS[pose.kind](gradient, lam.get("w0", pose.w0), lam, pose.T)
        return loss(np, pose.error, w, lam, pose.T)

    return Answer(grad(f)({name: value + 0.0 for name, value in pose.lam.items()}))


def gd(gradient: Any, w: Any, lam: Any, T: int) -> Any:
    return sgd(gradient, w, num_iters=T, step_size=lam["eta"], mass=0.0)


def momentum(gradient: Any, w: Any, lam: Any, T: int) -> Any:
    """autograd's velocity is an average of gradients: heavy ball at the rate η / (1 − μ)."""
    rate = lam["eta"] / (1 - lam["mu"])
    return sgd(gradient, w, num_iters=T, step_size=rate, mass=lam["mu"])


def adam_torch(gradient: Any, w: Any, lam: Any, T: int) -> Any:
    options = {"b1": lam["beta1"], "b2": lam["beta2"], "eps": lam["eps"]}
    return adam(gradient, w, num_iters=T, step_size=lam["eta"], **options)


KINDS: dict[str, Any] = {"gd": gd, "momentum": momentum, "adam-torch": adam_torch}
