"""torch.optim.Adam(lr=Tensor, betas=(Tensor, Tensor), differentiable=True): right.

Four steps on w⁴/4 from w = 1; derivatives by autograd, and by differences of the same steps.
"""

import sys

import numpy as np
import torch


def trained(lr, beta1, beta2):
    w = torch.ones((), dtype=torch.float64, requires_grad=True).clone()
    adam = torch.optim.Adam([w], lr=lr, betas=(beta1, beta2), differentiable=True)
    for _ in range(4):
        w.grad = torch.autograd.grad(w.clone() ** 4 / 4, w, create_graph=True)[0]
        adam.step()
    return w


leaves = torch.tensor([0.1, 0.9, 0.99], dtype=torch.float64)
shifts = 1e-6 * torch.eye(3, dtype=torch.float64)
expected = [(trained(*(leaves + e)) - trained(*(leaves - e))).item() / 2e-6 for e in shifts]
tensors = [x.clone().requires_grad_() for x in leaves]
found = [g.item() for g in torch.autograd.grad(trained(*tensors), tensors)]
print("found", found, "expected", expected)
sys.exit(not np.allclose(found, expected, rtol=1e-6))
