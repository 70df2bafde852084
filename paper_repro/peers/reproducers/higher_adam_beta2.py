"""higher's Adam: the derivative by beta2 is wrong for its own steps, as math.sqrt cuts the graph.

Documented: override={"betas": [(Tensor, Tensor)]}. Three steps on w⁴/4 from w = 1; dw/dbeta2 by
autograd, and by differences of the same steps.
"""

import sys

import higher
import numpy as np
import torch


def trained(beta2):
    w = torch.ones((), dtype=torch.float64, requires_grad=True)
    adam = higher.optim.get_diff_optim(torch.optim.Adam([w], lr=0.1), [w])
    for _ in range(3):
        override = {"betas": [(torch.tensor(0.9, dtype=torch.float64), beta2)]}
        (w,) = adam.step(w**4 / 4, params=[w], override=override)
    return w


beta2 = torch.tensor(0.99, dtype=torch.float64, requires_grad=True)
found = torch.autograd.grad(trained(beta2), beta2)[0].item()
expected = (trained(beta2.detach() + 1e-6) - trained(beta2.detach() - 1e-6)).item() / 2e-6
print("found", found, "expected", expected)
sys.exit(not np.isclose(found, expected, rtol=1e-4))
