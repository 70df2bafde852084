"""jaxopt: its solvers unrolled, jax.grad through `run` or through repeated `update`.

Documented calls: jaxopt.GradientDescent(fun, stepsize, acceleration=False, implicit_diff=False,
unroll=True) and jaxopt.OptaxSolver(fun=…, opt=…); solver.run, and solver.update for mini-batches;
implicit_diff is "whether to enable implicit diff or autodiff of unrolled iterations".
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import jaxopt

from paper_repro.peers.adapters.optax_chains import transformation
from paper_repro.peers.pose import Answer, Pose, loss

jax.config.update("jax_enable_x64", True)


def hypergradient(pose: Pose) -> Answer:
    batches = any("batches" in term for term in pose.training)

    def J(w: Any, lam: dict[str, Any], t: Any) -> Any:
        return loss(jnp, pose.training, w, lam, t)

    def f(lam: dict[str, Any]) -> Any:
        solver, w = solver_of(pose, J, lam), lam.get("w0", jnp.asarray(pose.w0))
        if batches:
            state = solver.init_state(w, lam, 1)
            for t in range(1, pose.T + 1):
                w, state = solver.update(w, state, lam, t)
        else:
            w = solver.run(w, lam, 1).params
        return loss(jnp, pose.error, w, lam, pose.T)

    lam = {name: jnp.asarray(value) for name, value in pose.lam.items()}
    return Answer(jax.jit(jax.grad(f))(lam))


def solver_of(pose: Pose, J: Any, lam: dict[str, Any]) -> Any:
    """A solver that takes exactly T steps: the tolerance is 0, which is never reached."""
    options: dict[str, Any] = {"maxiter": pose.T, "tol": 0.0, "implicit_diff": False}
    if pose.kind == "gd":

        def rate(count: Any) -> Any:
            return lam["eta"][count] if pose.scheduled else lam["eta"]

        return jaxopt.GradientDescent(J, stepsize=rate, acceleration=False, unroll=True, **options)
    return jaxopt.OptaxSolver(fun=J, opt=transformation(pose, lam), unroll=True, **options)
