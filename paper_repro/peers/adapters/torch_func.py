"""torch.func: the update written out by the user, differentiated twice.

Documented call: torch.func.grad of a function that itself calls torch.func.grad.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from paper_repro.peers.adapters.written_out import train
from paper_repro.peers.pose import Answer, Pose, loss


def hypergradient(pose: Pose) -> Answer:
    def f(lam: dict[str, Any]) -> Any:
        def gradient(w: Any, t: int) -> Any:
            return torch.func.grad(lambda w: loss(torch, pose.training, w, lam, t))(w)

        w0 = lam.get("w0", torch.from_numpy(pose.w0))
        return loss(torch, pose.error, train(torch, pose, lam, w0, gradient), lam, pose.T)

    lam = {name: torch.from_numpy(np.array(value)) for name, value in pose.lam.items()}
    return Answer({name: g.numpy() for name, g in torch.func.grad(f)(lam).items()})
