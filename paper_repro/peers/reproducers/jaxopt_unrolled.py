"""jaxopt.GradientDescent(unroll=True, implicit_diff=False) after T steps: right.

Ridge J = a w²/2 - b w with a = 1 + l2 from w = 0: w_T = (1 - r^T) b / a, r = 1 - eta a.
"""

import sys

import jax
import jaxopt
import numpy as np

jax.config.update("jax_enable_x64", True)
T, ETA, L2, b = 7, 0.1, 0.3, 2.0
solver = jaxopt.GradientDescent(
    lambda w, l2: (1 + l2) * w**2 / 2 - b * w, stepsize=ETA, acceleration=False,
    maxiter=T, tol=0.0, implicit_diff=False, unroll=True,
)  # fmt: skip
found = float(jax.grad(lambda l2: solver.run(0.0, l2).params)(L2))
a = 1 + L2
r = 1 - ETA * a
expected = (T * ETA * r ** (T - 1) * a - (1 - r**T)) / a**2 * b
print("found", found, "expected", expected, "in the limit", -b / a**2)
sys.exit(not np.isclose(found, expected, rtol=1e-12))
