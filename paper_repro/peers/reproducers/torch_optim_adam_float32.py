"""torch.optim.Adam(betas as floats, differentiable=True) corrects the bias in float32.

All inputs are in float64. Three steps on w²/2 from w = 1, with differentiable=True and in NumPy.
"""

import sys

import numpy as np
import torch

w = torch.ones((), dtype=torch.float64, requires_grad=True).clone()
adam = torch.optim.Adam([w], lr=0.1, betas=(0.9, 0.99), eps=0.1, differentiable=True)
for _ in range(3):
    w.grad = torch.autograd.grad(w.clone() ** 2 / 2, w, create_graph=True)[0]
    adam.step()
expected, m, u = 1.0, 0.0, 0.0
for t in range(1, 4):
    m, u = 0.9 * m + 0.1 * expected, 0.99 * u + 0.01 * expected**2
    expected -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(u / (1 - 0.99**t)) + 0.1)
print("found", w.item(), "expected", expected, "apart by", w.item() - expected)
sys.exit(not np.isclose(w.item(), expected, rtol=1e-13))
