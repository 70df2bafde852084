"""jaxopt.OptaxSolver over optax.adam, unrolled, where the gradient is exactly 0: NaN.

One step on c w at c = 0; dw/dc by jax.grad through run, and by differences of the same run.
"""

import sys

import jax
import jaxopt
import numpy as np
import optax

jax.config.update("jax_enable_x64", True)
solver = jaxopt.OptaxSolver(
    fun=lambda w, c: c * w, opt=optax.adam(0.1, eps=1.0), maxiter=1, tol=-1.0, unroll=True
)


def trained(c):
    return solver.run(jax.numpy.ones(()), c).params


found = float(jax.grad(trained)(0.0))
expected = float(trained(1e-7) - trained(-1e-7)) / 2e-7
print("found", found, "expected", expected)
sys.exit(not np.isclose(found, expected, rtol=1e-5))
