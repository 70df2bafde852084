"""higher's Adam, RMSprop and Adagrad where the gradient is exactly 0: right, its mask works.

One step on c w at c = 0; dw/dc by autograd, and by differences of the same step.
"""

import sys
import warnings

import higher
import numpy as np
import torch

warnings.simplefilter("ignore")  # higher warns about its RMSprop


def trained(make, c):
    w = torch.ones((), dtype=torch.float64, requires_grad=True)
    optimizer = higher.optim.get_diff_optim(make([w], lr=0.1, eps=1.0), [w])
    return optimizer.step(c * w, params=[w])[0]


c, wrong = torch.tensor(0.0, dtype=torch.float64, requires_grad=True), 0
for make in (torch.optim.Adam, torch.optim.RMSprop, torch.optim.Adagrad):
    found = torch.autograd.grad(trained(make, c), c)[0].item()
    expected = (trained(make, 1e-7) - trained(make, -1e-7)).item() / 2e-7
    print(make.__name__, "found", found, "expected", expected)
    wrong += not np.isclose(found, expected, rtol=1e-5)
sys.exit(bool(wrong))
