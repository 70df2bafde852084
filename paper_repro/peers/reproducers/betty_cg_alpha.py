"""Betty's conjugate gradient on H = 2I is exact with cg_alpha = 1, but not with cg_alpha = 0.5.

J = ½w'Hw - o·w, E = c·w, so dE/do = H⁻¹c; one SGD step on o at the rate 1 shows Betty's result.
"""

import sys

import numpy as np
import torch
from betty.configs import Config
from betty.engine import Engine
from betty.problems import ImplicitProblem

H, c = 2 * np.eye(2), np.array([1.0, -2.0])


def problem(name, config, loss):
    module = torch.nn.ParameterList([torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))])
    kind = type(name, (ImplicitProblem,), {"training_step": lambda self, batch: loss(o, w)})
    sgd, data = torch.optim.SGD(module.parameters(), lr=1.0), [(torch.zeros(1),)] * 9
    return kind(name, config, module, sgd, train_data_loader=data), module[0]


inverse = Config(type="cg", cg_iterations=2, cg_alpha=0.5)
outer, o = problem("outer", Config(), lambda o, w: torch.tensor(c) @ w)
inner, w = problem("inner", inverse, lambda o, w: w @ torch.tensor(H) @ w / 2 - o @ w)
Engine([outer, inner], None, {"u2l": {outer: [inner]}, "l2u": {inner: [outer]}}).train_step()
print("found", -o.detach().numpy(), "expected", np.linalg.solve(H, c))
sys.exit(not np.allclose(-o.detach().numpy(), np.linalg.solve(H, c)))
