"""torchopt.sgd(momentum, dampening) used for a second training takes other steps than before.

Documented as a functional optimizer: init gives a fresh state. Its first gradient is not dampened,
as in torch.optim.SGD, but only in the first training of all.
"""

import sys

import numpy as np
import torch
import torchopt

optimizer = torchopt.sgd(0.1, momentum=0.9, dampening=0.5)


def trained():
    params = (torch.ones((), dtype=torch.float64),)
    updates, _ = optimizer.update(params, optimizer.init(params), params=params, inplace=False)
    return torchopt.apply_updates(params, updates, inplace=False)[0].item()


expected = trained()  # one step on w²/2 from w = 1
found = trained()  # the same again
print("found", found, "expected", expected)
sys.exit(not np.isclose(found, expected))
