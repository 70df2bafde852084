"""autograd through autograd.misc.optimizers.adam where the gradient is exactly 0: NaN.

One step on c w at c = 0; dw/dc by autograd, and by differences of the same step.
"""

import sys
import warnings

import numpy as np
from autograd import grad
from autograd.misc.optimizers import adam

warnings.simplefilter("ignore")  # about the division by zero


def trained(c):
    return adam(lambda w, i: c * np.ones(1), np.ones(1), num_iters=1, step_size=0.1, eps=1.0)[0]


found = grad(trained)(0.0)
expected = (trained(1e-7) - trained(-1e-7)) / 2e-7
print("found", found, "expected", expected)
sys.exit(not np.isclose(found, expected, rtol=1e-5))
