"""higher: torch.optim's optimizers, made differentiable.

Documented calls: higher.optim.get_diff_optim(opt, reference_params, override={name: [Tensor]}) and
diffopt.step(loss, params=…, override=…), where override "permits the passing of tensors requiring
gradient to differentiable optimizers for use as optimizer settings".
"""

from __future__ import annotations

from typing import Any

import higher
import torch

from paper_repro.peers.adapters.torch_blocks import differentiated
from paper_repro.peers.adapters.torch_optim import TENSORS, torch_arguments
from paper_repro.peers.pose import Answer, NotExpressible, Pose, loss


def hypergradient(pose: Pose) -> Answer:
    if pose.kind == "adamw-torch":
        raise NotExpressible("higher does not support torch.optim.AdamW yet")
    if pose.kind not in TENSORS:
        raise NotExpressible("higher follows torch.optim, whose ε is elsewhere")
    groups = [(name,) for name in pose.lam if name not in ("l2", "weights", "w0")]
    return differentiated(pose, groups, "", trained_error)


def trained_error(pose: Pose, lam: dict[str, Any], w0: Any) -> Any:
    numbers = {name: value.tolist() for name, value in pose.lam.items()}
    reference = torch.nn.Parameter(torch.tensor(pose.w0))
    make, options = torch_arguments(pose, numbers)
    _, tensors = torch_arguments(pose, lam)
    override = {name: [value] for name, value in tensors.items() if name not in FIXED}
    optimizer = higher.optim.get_diff_optim(make([reference], **options), [reference])
    w = w0
    for t in range(1, pose.T + 1):
        if pose.scheduled:
            override["lr"] = [lam["eta"][t - 1]]
        J = loss(torch, pose.training, w, lam, t)
        (w,) = optimizer.step(J, params=[w], override=override)
    return loss(torch, pose.error, w, lam, pose.T)


FIXED = ("dampening", "nesterov", "initial_accumulator_value")  # not hyperparameters in the vectors
