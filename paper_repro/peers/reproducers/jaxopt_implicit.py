"""jaxopt.GradientDescent(implicit_diff=True), converged: the derivative of the minimum, right.

Ridge J = a w²/2 - b w with a = 1 + l2: w* = b / a and dw*/dl2 = -b / a².
"""

import sys

import jax
import jaxopt
import numpy as np

jax.config.update("jax_enable_x64", True)
L2, b = 0.3, 2.0
solver = jaxopt.GradientDescent(
    lambda w, l2: (1 + l2) * w**2 / 2 - b * w, stepsize=0.5, maxiter=500, tol=1e-13,
    implicit_diff=True,
)  # fmt: skip
found = float(jax.grad(lambda l2: solver.run(0.0, l2).params)(L2))
expected = -b / (1 + L2) ** 2
print("found", found, "expected", expected)
sys.exit(not np.isclose(found, expected, rtol=1e-10))
