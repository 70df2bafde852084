"""TorchOpt's adam corrects the bias in float32 (1 - b1**count, count an integer tensor).

All inputs are in float64. Four steps on w²/2 from w = 1, by TorchOpt and by torch.optim.Adam; with
torch.set_default_dtype(torch.float64) the two agree to rounding.
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
    grads = torch.autograd.grad(params[0] ** 2 / 2, params)
    updates, state = optimizer.update(grads, state, params=params, inplace=False)
    params = torchopt.apply_updates(params, updates, inplace=False)
    original.grad = original.detach().clone()
    adam.step()
found, expected = params[0].item(), original.item()
print("found", found, "expected", expected, "apart by", found - expected)
sys.exit(not np.isclose(found, expected, rtol=1e-13))
