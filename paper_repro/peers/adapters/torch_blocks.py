"""∇f by torch.autograd, for the blocks of λ that a library accepts as tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from paper_repro.peers.pose import Answer, Pose

OF_THE_LOSS = ("l2", "weights", "w0")  # not seen by the optimizer: always tensors
Objective = Callable[[Pose, dict[str, Any], Any], Any]  # (pose, λ, w_0) → E(w_T)


def differentiated(
    pose: Pose, groups: Sequence[tuple[str, ...]], why: str, objective: Objective
) -> Answer:
    """Differentiate `objective` by autograd; if that raises an error, do it group by group.

    groups     the optimizer's hyperparameters that the library accepts as tensors; those in one
               group must be tensors together
    why        why the optimizer's other hyperparameters must stay numbers, in one sentence
    """
    mine = [name for name in pose.lam if name in OF_THE_LOSS]
    wanted = [name for group in groups for name in group if name in pose.lam]
    left_out = {name: why for name in pose.lam if name not in (*mine, *wanted)}
    try:
        return Answer(gradient(pose, [*wanted, *mine], objective), left_out)
    except (RuntimeError, TypeError):
        if not wanted:
            raise
    grad = gradient(pose, mine, objective) if mine else {}
    failed: dict[str, str] = {}
    for group in groups:
        present = [name for name in group if name in pose.lam]
        try:
            found = gradient(pose, [*present, *mine], objective)
            grad.update({name: found[name] for name in present})
        except (RuntimeError, TypeError) as error:
            failed.update(dict.fromkeys(present, f"{type(error).__name__}: {error}"))
    return Answer(grad, left_out, failed)


def gradient(pose: Pose, names: list[str], objective: Objective) -> dict[str, Any]:
    """The blocks of ∇f with these names; the other hyperparameters are numbers or lists."""
    lam: dict[str, Any] = {name: value.tolist() for name, value in pose.lam.items()}
    leaves = {name: torch.tensor(pose.lam[name], requires_grad=True) for name in names}
    lam.update(leaves)
    E = objective(pose, lam, leaves.get("w0", torch.tensor(pose.w0, requires_grad=True)))
    found = torch.autograd.grad(E, list(leaves.values()), allow_unused=True)
    zeros = [torch.zeros_like(x) for x in leaves.values()]
    return {
        name: np.asarray(zero if g is None else g)
        for name, g, zero in zip(leaves, found, zeros, strict=True)
    }
