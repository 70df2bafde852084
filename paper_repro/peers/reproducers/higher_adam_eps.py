"""higher's Adam does not take the steps of the torch.optim.Adam it was made from: eps differs.

Documented: "differentiable optimizer wrappers around torch.optim instances". torch divides by
√(v / (1 - beta2^t)) + eps, higher by (√v + eps) / √(1 - beta2^t). Three steps on w²/2 from w = 1.
"""

import sys

import higher
import numpy as np
import torch

start = torch.nn.Parameter(torch.ones((), dtype=torch.float64))
(w,) = (start,)
differentiable = higher.optim.get_diff_optim(torch.optim.Adam([start], lr=0.1, eps=0.1), [start])
for _ in range(3):
    (w,) = differentiable.step(w**2 / 2, params=[w])
original = torch.optim.Adam([start], lr=0.1, eps=0.1)
for _ in range(3):
    start.grad = start.detach().clone()
    original.step()
print("found", w.item(), "expected", start.item())
sys.exit(not np.isclose(w.item(), start.item()))
