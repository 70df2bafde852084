"""TorchOpt's adam takes the steps of torch.optim.Adam, up to single precision: right.

Four steps on w²/2 from w = 1, with an eps that is large enough to matter.
"""

import sys

import numpy as np
import torch
import torchopt

params = (torch.ones((), dtype=torch.float64, requires_grad=True),)
optimizer = torchopt.adam(0.1, betas=(0.9, 0.99), eps=0.1)
state = optimizer.init(params)
original = torch.nn.Parameter(params[0].detach().clone())
adam = torch.optim.Adam([original], lr=0.1, betas=(0.9, 0.99), eps=0.1)
for _ in range(4):
    grads = torch.autograd.grad(params[0] ** 2 / 2, params, create_graph=True)
    updates, state = optimizer.update(grads, state, params=params, inplace=False)
    params = torchopt.apply_updates(params, updates, inplace=False)
    original.grad = original.detach().clone()
    adam.step()
print("found", params[0].item(), "expected", original.item())
sys.exit(not np.isclose(params[0].item(), original.item(), rtol=1e-6))
