"""hypergrad: its differentiable SGD.

Documented call: hypergrad.optimizers.diff_sgd(params, grads, state, weight_decay, momentum, lr,
dampening, nesterov), whose annotations make each of the numbers a float; its source calls it
"differentiable SGD".
"""

from __future__ import annotations

from typing import Any

import torch
from hypergrad.optimizers import diff_sgd

from paper_repro.peers.adapters.torch_blocks import differentiated
from paper_repro.peers.pose import Answer, NotExpressible, Pose, loss

WHY = "hypergrad.optimizers.diff_sgd takes a float for it"


def hypergradient(pose: Pose) -> Answer:
    if pose.kind not in ("gd", "momentum"):
        raise NotExpressible("hypergrad has one differentiable optimizer, SGD")
    return differentiated(pose, [], WHY, trained_error)


def trained_error(pose: Pose, lam: dict[str, Any], w0: Any) -> Any:
    params, state = [w0], None
    for t in range(1, pose.T + 1):
        J = loss(torch, pose.training, params[0], lam, t)
        grads = list(torch.autograd.grad(J, params, create_graph=True))
        params, state = diff_sgd(
            list(params), grads, state, pose.option("weight_decay", 0.0), lam.get("mu", 0.0),
            lam["eta"][t - 1] if pose.scheduled else lam["eta"],
            pose.option("dampening", 0.0), pose.option("nesterov", False),
        )  # fmt: skip
    return loss(torch, pose.error, params[0], lam, pose.T)
