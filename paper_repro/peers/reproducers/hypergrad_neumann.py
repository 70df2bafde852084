"""hypergrad's neumann with many iterations on a quadratic is exact: right.

J = ½w'Hw - o·w, E = c·w: dE/do = H⁻¹c; 300 iterations, lr = 0.3.
"""

import sys

import numpy as np
import torch
from hypergrad.approx_hypergrad import neumann

H = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.3], [0.0, 0.3, 1.5]])
c = np.array([1.0, -2.0, 0.5])


def inner(w, o):
    return w[0] @ torch.tensor(H) @ w[0] / 2 - o[0] @ w[0]


def outer(w, o):
    return torch.tensor(c) @ w[0]


w, o = ((torch.zeros(3, dtype=torch.float64),) for _ in range(2))
found = neumann(inner, outer, w, o, num_iters=300, lr=0.3)[0].numpy()
expected = np.linalg.solve(H, c)
print("found", found, "expected", expected)
sys.exit(not np.allclose(found, expected))
