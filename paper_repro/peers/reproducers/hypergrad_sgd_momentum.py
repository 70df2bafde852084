"""hypergrad.optimizers.diff_sgd(momentum=0.9): the first gradient is cut out of the graph.

Two steps on l2/2 w² from w = 1; dw/dl2 by autograd, and by differences of the same steps.
"""

import sys

import numpy as np
import torch
from hypergrad.optimizers import diff_sgd


def trained(l2):
    params, state = [torch.ones((), dtype=torch.float64, requires_grad=True)], None
    for _ in range(2):
        grads = torch.autograd.grad(l2 / 2 * params[0] ** 2, params, create_graph=True)
        params, state = diff_sgd(params, grads, state, weight_decay=0.0, momentum=0.9, lr=0.1)
    return params[0]


l2 = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
found = torch.autograd.grad(trained(l2), l2)[0].item()
expected = (trained(0.5 + 1e-6) - trained(0.5 - 1e-6)).item() / 2e-6
print("found", found, "expected", expected)
sys.exit(not np.isclose(found, expected, rtol=1e-6))
