"""torch.optim.RMSprop and Adagrad(lr=Tensor, differentiable=True): the derivative by lr fails.

One step on w²/2 from w = 1; dw/dlr by autograd, and by differences of the same step.
"""

import sys

import numpy as np
import torch


def trained(make, lr):
    w = torch.ones((), dtype=torch.float64, requires_grad=True).clone()
    optimizer = make([w], lr=lr, differentiable=True)
    w.grad = torch.autograd.grad(w.clone() ** 2 / 2, w, create_graph=True)[0]
    optimizer.step()
    return w


lr, wrong = torch.tensor(0.1, dtype=torch.float64, requires_grad=True), 0
for make in (torch.optim.RMSprop, torch.optim.Adagrad):
    expected = (trained(make, 0.1 + 1e-6) - trained(make, 0.1 - 1e-6)).item() / 2e-6
    try:
        found = torch.autograd.grad(trained(make, lr), lr)[0].item()
    except (RuntimeError, TypeError) as error:
        found, _ = np.nan, print(make.__name__, type(error).__name__, error)
    print(make.__name__, "found", found, "expected", expected)
    wrong += not np.isclose(found, expected, rtol=1e-6)
sys.exit(bool(wrong))
