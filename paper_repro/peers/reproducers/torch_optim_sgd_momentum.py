"""torch.optim.SGD(momentum=0.9, differentiable=True): the first gradient is cut out of the graph.

Two steps on l2/2 w² from w = 1; dw/dl2 by autograd, and by differences of the same two steps.
"""

import sys

import numpy as np
import torch


def trained(l2):
    w = torch.ones((), dtype=torch.float64, requires_grad=True).clone()
    sgd = torch.optim.SGD([w], lr=0.1, momentum=0.9, differentiable=True)
    for _ in range(2):
        w.grad = torch.autograd.grad(l2 / 2 * w.clone() ** 2, w, create_graph=True)[0]
        sgd.step()
    return w


l2 = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
found = torch.autograd.grad(trained(l2), l2)[0].item()
expected = (trained(0.5 + 1e-6) - trained(0.5 - 1e-6)).item() / 2e-6
print("found", found, "expected", expected)
sys.exit(not np.isclose(found, expected, rtol=1e-6))
