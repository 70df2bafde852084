"""optax's adam, adamw and rmsprop(eps_in_sqrt=False) where the gradient is exactly 0: NaN.

One step on c w at c = 0; dw/dc by jax.grad, and by differences of the same step.
"""

import sys

import jax
import numpy as np
import optax

jax.config.update("jax_enable_x64", True)


def trained(c, optimizer):
    g = jax.grad(lambda w: c * w)(1.0)
    updates, _ = optimizer.update(g, optimizer.init(1.0), 1.0)
    return 1.0 + updates


wrong, one = 0, {"learning_rate": 0.1, "eps": 1.0}
for name, options in (("adam", {}), ("adamw", {}), ("rmsprop", {"eps_in_sqrt": False})):
    optimizer = getattr(optax, name)(**one, **options)
    found = float(jax.grad(trained)(0.0, optimizer))
    expected = float(trained(1e-7, optimizer) - trained(-1e-7, optimizer)) / 2e-7
    print(name, "found", found, "expected", expected)
    wrong += not np.isclose(found, expected, rtol=1e-5)
sys.exit(bool(wrong))
