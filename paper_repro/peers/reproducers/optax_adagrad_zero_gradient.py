"""optax.adagrad(initial_accumulator_value=0) where the gradient is exactly 0: 0, not the slope.

One step on c w at c = 0, which is -lr c / √(c² + eps): dw/dc by jax.grad, and by differences.
"""

import sys

import jax
import numpy as np
import optax

jax.config.update("jax_enable_x64", True)
optimizer = optax.adagrad(0.1, initial_accumulator_value=0.0, eps=1.0)


def trained(c):
    w = jax.numpy.ones(())
    updates, _ = optimizer.update(jax.grad(lambda w: c * w)(w), optimizer.init(w), w)
    return w + updates


found = float(jax.grad(trained)(0.0))
expected = float(trained(1e-5) - trained(-1e-5)) / 2e-5
print("found", found, "expected", expected)
sys.exit(not np.isclose(found, expected, rtol=1e-6))
