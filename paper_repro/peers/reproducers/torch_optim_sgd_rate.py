"""torch.optim.SGD(lr=Tensor, momentum=0.9, differentiable=True): the derivative by lr fails.

Three steps on w²/2 from w = 1; dw/dlr by autograd, and by differences of the same steps.
"""

import sys

import numpy as np
import torch


def trained(lr):
    w = torch.ones((), dtype=torch.float64, requires_grad=True).clone()
    sgd = torch.optim.SGD([w], lr=lr, momentum=0.9, differentiable=True)
    for _ in range(3):
        w.grad = torch.autograd.grad(w.clone() ** 2 / 2, w, create_graph=True)[0]
        sgd.step()
    return w


lr = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
expected = (trained(0.1 + 1e-6) - trained(0.1 - 1e-6)).item() / 2e-6
try:
    found = torch.autograd.grad(trained(lr), lr)[0].item()
except RuntimeError as error:
    sys.exit(f"expected {expected}, found RuntimeError: {error}")
print("found", found, "expected", expected)
sys.exit(not np.isclose(found, expected, rtol=1e-6))
