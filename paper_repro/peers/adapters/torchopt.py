"""TorchOpt: its functional optimizers, out of place.

Documented calls: torchopt.sgd, adam, adamw, rmsprop, adagrad with lr a schedule (a function of the
count that returns a tensor), optimizer.update(…, inplace=False), torchopt.apply_updates(…,
inplace=False); lr is "a fixed global scaling factor or a learning rate scheduler".
"""

from __future__ import annotations

from typing import Any

import torch
import torchopt

from paper_repro.peers.adapters.torch_blocks import differentiated
from paper_repro.peers.pose import Answer, NotExpressible, Pose, loss

WHY = "TorchOpt documents it as a float"


def hypergradient(pose: Pose) -> Answer:
    if pose.kind not in KINDS:
        raise NotExpressible(
            "TorchOpt has ε outside the root, and one inside it in adam alone, after the bias is "
            "corrected"
        )
    return differentiated(pose, [("eta",)], WHY, trained_error)


def trained_error(pose: Pose, lam: dict[str, Any], w0: Any) -> Any:
    def rate(count: Any) -> Any:
        return lam["eta"][int(count)] if pose.scheduled else lam["eta"]

    optimizer = KINDS[pose.kind](pose, lam, rate)
    params = (w0,)
    state = optimizer.init(params)
    for t in range(1, pose.T + 1):
        J = loss(torch, pose.training, params[0], lam, t)
        grads = torch.autograd.grad(J, params, create_graph=True)
        updates, state = optimizer.update(grads, state, params=params, inplace=False)
        params = torchopt.apply_updates(params, updates, inplace=False)
    return loss(torch, pose.error, params[0], lam, pose.T)


def sgd(pose: Pose, lam: Any, rate: Any) -> Any:
    options = {name: pose.option(name, 0.0) for name in ("dampening", "weight_decay")}
    nesterov = pose.option("nesterov", False)
    return torchopt.sgd(rate, momentum=lam.get("mu", 0.0), nesterov=nesterov, **options)


def adam(pose: Pose, lam: Any, rate: Any) -> Any:
    betas, eps, root = (lam["beta1"], lam["beta2"]), lam["eps"], lam.get("eps_root", 0.0)
    return torchopt.adam(rate, betas=betas, eps=eps, eps_root=root)


def adamw(pose: Pose, lam: Any, rate: Any) -> Any:
    betas, decay = (lam["beta1"], lam["beta2"]), lam["weight_decay"]
    return torchopt.adamw(rate, betas=betas, eps=lam["eps"], weight_decay=decay)


def rmsprop(pose: Pose, lam: Any, rate: Any) -> Any:
    return torchopt.rmsprop(rate, alpha=lam["beta"], eps=lam["eps"])


def adagrad(pose: Pose, lam: Any, rate: Any) -> Any:
    start = pose.option("initial", 0.0)
    return torchopt.adagrad(rate, initial_accumulator_value=start, eps=lam["eps"])


KINDS: dict[str, Any] = {
    "gd": sgd,
    "momentum": sgd,
    "adam-torch": adam,
    "adam-optax": adam,
    "adamw-torch": adamw,
    "rmsprop-torch": rmsprop,
    "adagrad-torch": adagrad,
}
