"""Betty 0.2.1's IterativeProblem (iterative differentiation) cannot be initialised: KeyError.

Expected: an Engine of an ImplicitProblem above an IterativeProblem, as its classes document.
"""

import sys

import torch
from betty.configs import Config
from betty.engine import Engine
from betty.problems import ImplicitProblem, IterativeProblem


def problem(kind, name, config):
    module = torch.nn.Linear(1, 1)
    sgd, data = torch.optim.SGD(module.parameters(), lr=0.1), [(torch.zeros(1),)] * 9
    return kind(name, config, module, sgd, train_data_loader=data)


outer = problem(ImplicitProblem, "outer", Config(first_order=False))
inner = problem(IterativeProblem, "inner", Config(unroll_steps=2))
try:
    Engine([outer, inner], None, {"u2l": {outer: [inner]}, "l2u": {inner: [outer]}})
except KeyError as error:
    sys.exit(f"expected an engine, found KeyError: {error}")
print("found an engine, as expected")
