"""torch.optim: SGD, Adam, AdamW, RMSprop and Adagrad with differentiable=True.

Documented calls: torch.optim.SGD(params, lr=Tensor, differentiable=True), and the same of Adam(…,
betas=(Tensor, Tensor)), AdamW, RMSprop and Adagrad, whose "differentiable" is said to be "whether
autograd should occur through the optimizer step in training".
"""

from __future__ import annotations

from typing import Any

import torch

from paper_repro.peers.adapters.torch_blocks import differentiated
from paper_repro.peers.pose import Answer, NotExpressible, Pose, loss

WHY = "torch.optim documents it as a float, not as a tensor"
MOMENTS = [("eta",), ("beta1", "beta2")]
TENSORS: dict[str, list[tuple[str, ...]]] = {
    "gd": [("eta",)],
    "momentum": [("eta",)],
    "adam-torch": MOMENTS,
    "adamw-torch": MOMENTS,
    "rmsprop-torch": [("eta",)],
    "adagrad-torch": [("eta",)],
}


def hypergradient(pose: Pose) -> Answer:
    if pose.kind not in TENSORS:
        raise NotExpressible("torch.optim has ε outside the root, after the bias is corrected")
    return differentiated(pose, TENSORS[pose.kind], WHY, trained_error)


def trained_error(pose: Pose, lam: dict[str, Any], w0: Any) -> Any:
    """E(w_T). A step changes w in place, so the loss gets a clone of it."""
    w = w0.clone()
    optimizer = optimizer_of(pose, lam, w)
    for t in range(1, pose.T + 1):
        if pose.scheduled:
            optimizer.param_groups[0]["lr"] = lam["eta"][t - 1]
        J = loss(torch, pose.training, w.clone(), lam, t)
        w.grad = torch.autograd.grad(J, w, create_graph=True)[0]
        optimizer.step()
    return loss(torch, pose.error, w, lam, pose.T)


def optimizer_of(pose: Pose, lam: dict[str, Any], w: Any) -> Any:
    make, options = torch_arguments(pose, lam)
    return make([w], differentiable=True, **options)


def torch_arguments(pose: Pose, lam: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The class of torch.optim for the vector, and the arguments of its constructor."""
    options: dict[str, Any] = {"lr": lam["eta"][0] if pose.scheduled else lam["eta"]}
    if pose.kind in ("gd", "momentum"):
        for name in ("dampening", "weight_decay", "nesterov"):
            options[name] = pose.option(name, 0)
        return torch.optim.SGD, {**options, "momentum": lam.get("mu", 0.0)}
    options["eps"] = lam["eps"]
    if pose.kind == "rmsprop-torch":
        return torch.optim.RMSprop, {**options, "alpha": lam["beta"]}
    if pose.kind == "adagrad-torch":
        start = pose.option("initial", 0.0)
        return torch.optim.Adagrad, {**options, "initial_accumulator_value": start}
    options["betas"] = (lam["beta1"], lam["beta2"])
    if pose.kind == "adamw-torch":
        return torch.optim.AdamW, {**options, "weight_decay": lam["weight_decay"]}
    return torch.optim.Adam, options
