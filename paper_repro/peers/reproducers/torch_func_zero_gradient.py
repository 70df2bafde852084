"""torch.func.grad through Adam, written out, where the gradient is exactly 0: NaN.

One step on c w at c = 0. The step is -lr c / (|c| + eps), so that dw/dc = -lr / eps. The same
happens with every optimizer that divides by √u + eps at u = 0, where the slope of √u is infinite.
"""

import sys

import numpy as np
import torch

LR, EPS = 0.1, 1.0


def trained(c):
    g = torch.func.grad(lambda w: c * w)(torch.ones((), dtype=torch.float64))
    m_hat, u_hat = g, g * g  # 1 - beta cancels in the first step
    return 1.0 - LR * m_hat / (torch.sqrt(u_hat) + EPS)


found = torch.func.grad(trained)(torch.zeros((), dtype=torch.float64)).item()
expected = -LR / EPS
print("found", found, "expected", expected)
sys.exit(not np.isclose(found, expected))
