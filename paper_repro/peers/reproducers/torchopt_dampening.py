"""torchopt.sgd(momentum, dampening) takes different steps when it is used for a second training.

It is documented as a functional optimizer whose init gives a fresh state. As in torch.optim.SGD,
the first gradient should not be dampened; here this holds only in the very first training.
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
