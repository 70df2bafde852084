"""An objective out of a loss written in JAX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.interop.framework import FrameworkObjective

try:
    import jax
    import jax.experimental
    import jax.numpy as jnp
except ModuleNotFoundError as error:
    if error.name != "jax":  # it is there, but lacks something of its own
        raise
    raise ModuleNotFoundError(
        "hgref.interop.jax needs JAX: python -m pip install jax", name="jax"
    ) from error


def objective(
    fn: Callable[..., Any], params: Any, hyper: Mapping[str, tuple[int, ...]] | None = None
) -> JaxObjective:
    """J(w, λ) = fn(params, lam), with g, H dw + M dλ, u H, u M and ∂J/∂λ from JAX.

    fn       a pure function of params like the template and of lam, {name: array}, that jax.jit can
             trace: it returns a scalar
    params   the template: a pytree of arrays of real numbers; w is its leaves one after the other,
             in the order of jax.tree_util.tree_flatten (mappings by sorted key), each row by row
    hyper    {name: shape} of the blocks of λ that fn reads
    returns  an Objective; J.flatten(params) is w (p,), J.unflatten(w) the params
    Raises   TypeError, ValueError with the name, the expected and the found: also where fn reads a
             block that hyper lacks, its loss is not a float64 scalar, or w or λ are complex (so
             `hgref.check` takes differences in place of complex steps)
             RuntimeError where JAX does not compute in float64
    Cost     grad some 3 losses, grad_vjp some 6, grad_jvp some 6 a column, all columns at once; at
             the first call of each, compilation
    Exact    to rounding in float64, whatever the user's jax_enable_x64, which stays as it is
    Beware   a jax array that fn keeps has the precision in which it was made: float32, unless x64
             was on. Keep data as NumPy arrays. fn does not see the step t: no mini-batches, no new
             random numbers. Where J is not differentiable the derivatives are what JAX says there,
             as √ at 0: NaN
    Source   jax.jvp, jax.vjp; Pearlmutter 1994, Neural Computation 6 (products with H)
    """
    return JaxObjective(fn, params, hyper)


class JaxObjective(FrameworkObjective):
    """J(w, λ) = fn(params, lam) in JAX, each function compiled once.

    fn, params, hyper, Raises, Cost, Exact, Beware, Source   as `objective`, which makes it
    """

    transforms = jax

    def __init__(
        self,
        fn: Callable[..., Any],
        params: Any,
        hyper: Mapping[str, tuple[int, ...]] | None = None,
    ):
        super().__init__(fn, params, hyper)
        self.structure = jax.tree_util.tree_structure(params)

    def leaves(self, params: Any) -> dict[str, Any]:
        paths, _ = jax.tree_util.tree_flatten_with_path(params)
        named = {f"params{jax.tree_util.keystr(path)}": leaf for path, leaf in paths}
        for name, leaf in named.items():
            kind = getattr(leaf, "dtype", None)
            if kind is None or not jnp.issubdtype(kind, jnp.floating):
                found = type(leaf).__name__ if kind is None else kind
                raise TypeError(f"{name}: expected an array of real numbers, found {found}")
        return named

    def rebuild(self, leaves: list[Any]) -> Any:
        return jax.tree_util.tree_unflatten(self.structure, leaves)

    def tensor(self, array: Array) -> Any:
        tensor = jnp.array(array)  # a copy: the caller may go on writing to his
        if tensor.dtype != np.float64:
            raise RuntimeError(f"jax: expected float64 to be enabled here, found {tensor.dtype}")
        return tensor

    def array(self, tensor: Any) -> Array:
        return np.asarray(tensor).astype(float, copy=False)

    def float64(self) -> AbstractContextManager[Any]:
        for home in (jax, jax.experimental):  # where it is, and where it was
            if hasattr(home, "enable_x64"):
                return home.enable_x64(True)
        raise RuntimeError(f"jax: expected enable_x64 for float64, found none in {jax.__version__}")

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return jax.jit(function)
