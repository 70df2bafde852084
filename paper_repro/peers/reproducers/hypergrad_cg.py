"""hypergrad's conjugate_gradient with n iterations on a quadratic of n weights is not exact.

Its directions come from the old residual. J = ½w'Hw - o·w, E = c·w: dE/do = H⁻¹c; lr = 1.
"""

import sys

import numpy as np
import torch
from hypergrad.approx_hypergrad import conjugate_gradient

H = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.3], [0.0, 0.3, 1.5]])
c = np.array([1.0, -2.0, 0.5])


def inner(w, o):
    return w[0] @ torch.tensor(H) @ w[0] / 2 - o[0] @ w[0]


def outer(w, o):
    return torch.tensor(c) @ w[0]


w, o = ((torch.zeros(3, dtype=torch.float64),) for _ in range(2))
found = conjugate_gradient(inner, outer, w, o, num_iters=3, lr=1.0)[0].numpy()
expected = np.linalg.solve(H, c)
print("found", found, "expected", expected)
sys.exit(not np.allclose(found, expected))
