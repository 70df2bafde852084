"""Betty: iterative differentiation, an IterativeProblem below an ImplicitProblem in its Engine.

Documented calls: betty.problems.IterativeProblem, Config(unroll_steps=T), Config(first_order=False)
of the problem above, betty.engine.Engine(problems, config, dependencies).run(); its list of
features has "Iterative Differentiation". It declares Python below 3.11; --ignore-requires-python
installs it.
"""

from __future__ import annotations

import logging
from typing import Any

import torch
from betty.configs import Config, EngineConfig
from betty.engine import Engine
from betty.problems import ImplicitProblem, IterativeProblem

from paper_repro.peers.adapters.torch_blocks import OF_THE_LOSS
from paper_repro.peers.adapters.torch_optim import torch_arguments
from paper_repro.peers.pose import Answer, NotExpressible, Pose, loss

logging.disable(logging.INFO)
KINDS = ("gd", "momentum", "adam-torch", "adamw-torch")
WHY = "Betty takes the optimizer's hyperparameters from torch.optim, as floats"
NO_START = "Betty's outer problem owns no starting point of the inner one"
NO_MATTER = [(torch.zeros(1),)] * 1000  # dummy batches, never read


class Weights(torch.nn.Module):
    """The parameters of a problem, and nothing else."""

    def __init__(self, **blocks: Any):
        super().__init__()
        for name, value in blocks.items():
            setattr(self, name, torch.nn.Parameter(torch.tensor(value)))

    def forward(self) -> dict[str, Any]:
        return dict(self.named_parameters())


def hypergradient(pose: Pose) -> Answer:
    if pose.kind not in KINDS:
        raise NotExpressible("Betty can differentiate SGD, Adam and AdamW, with torch's ε")
    if pose.scheduled:
        raise NotExpressible("one rate for all steps: the schedulers are torch's, of floats")
    mine = {name: value for name, value in pose.lam.items() if name in ("l2", "weights")}
    left_out = {name: WHY for name in pose.lam if name not in OF_THE_LOSS}
    if "w0" in pose.lam:
        left_out["w0"] = NO_START
    outer = Weights(**mine)
    engine_of(pose, outer).run()
    # the engine takes one step of gradient descent at the rate 1, which is the hypergradient
    moved = {n: mine[n] - x.detach().numpy() for n, x in outer.named_parameters()}
    return Answer(moved, left_out)


def engine_of(pose: Pose, hyper: Weights) -> Engine:
    class Outer(ImplicitProblem):
        def training_step(self, batch: Any) -> Any:
            return loss(torch, pose.error, self.inner()["w"], self.module(), pose.T)

    class Inner(IterativeProblem):
        def forward(self) -> Any:
            return self.fmodule(self.params, self.buffers)

        def training_step(self, batch: Any) -> Any:
            t = self._count
            return loss(torch, pose.training, self()["w"], self.outer(), t)

    numbers = {name: value.tolist() for name, value in pose.lam.items()}
    make, options = torch_arguments(pose, numbers)
    module = Weights(w=pose.w0)
    above = Outer("outer", Config(first_order=False, retain_graph=True), hyper,
                  torch.optim.SGD(hyper.parameters(), lr=1.0), None, NO_MATTER)  # fmt: skip
    below = Inner("inner", Config(unroll_steps=pose.T), module,
                  make(module.parameters(), **options), None, NO_MATTER)  # fmt: skip
    links = {"u2l": {above: [below]}, "l2u": {below: [above]}}
    return Engine([above, below], EngineConfig(train_iters=pose.T), links)
