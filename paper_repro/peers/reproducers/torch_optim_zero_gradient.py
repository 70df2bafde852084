"""torch.optim's Adam, AdamW, RMSprop, Adagrad (differentiable=True) where the gradient is 0: NaN.

One step on c w at c = 0. The step is -lr c / (|c| + eps) (RMSprop: √(1 - alpha) |c|), so that
dw/dc = -lr / eps, which differences of the same step confirm.
"""

import sys

import numpy as np
import torch


def trained(make, c):
    w = torch.ones((), dtype=torch.float64, requires_grad=True).clone()
    optimizer = make([w], lr=0.1, eps=1.0, weight_decay=0.0, differentiable=True)
    w.grad = torch.autograd.grad(c * w.clone(), w, create_graph=True)[0]
    optimizer.step()
    return w


c, wrong = torch.tensor(0.0, dtype=torch.float64, requires_grad=True), 0
for name in ("Adam", "AdamW", "RMSprop", "Adagrad"):
    make = getattr(torch.optim, name)
    found = torch.autograd.grad(trained(make, c), c)[0].item()
    expected = (trained(make, 1e-7) - trained(make, -1e-7)).item() / 2e-7
    print(name, "found", found, "expected", expected)
    wrong += not np.isclose(found, expected, rtol=1e-5)
sys.exit(bool(wrong))
