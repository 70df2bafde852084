"""TorchOpt's adam, adamw, rmsprop and adagrad where the gradient is exactly 0: NaN.

One step on c w at c = 0; dw/dc by autograd, and by differences of the same step.
"""

import sys

import numpy as np
import torch
import torchopt


def trained(make, c):
    params = (torch.ones((), dtype=torch.float64, requires_grad=True),)
    optimizer = make(0.1, eps=1.0, weight_decay=0.0)
    grads = torch.autograd.grad(c * params[0], params, create_graph=True)
    updates, _ = optimizer.update(grads, optimizer.init(params), params=params, inplace=False)
    return torchopt.apply_updates(params, updates, inplace=False)[0]


c, wrong = torch.tensor(0.0, dtype=torch.float64, requires_grad=True), 0
for make in (torchopt.adam, torchopt.adamw, torchopt.rmsprop, torchopt.adagrad):
    found = torch.autograd.grad(trained(make, c), c)[0].item()
    expected = (trained(make, 1e-7) - trained(make, -1e-7)).item() / 2e-7
    print(make.__name__, "found", found, "expected", expected)
    wrong += not np.isclose(found, expected, rtol=1e-5)
sys.exit(bool(wrong))
