"""Makes an objective from a loss written in JAX."""

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
    if error.name != "jax":  # jax is installed, but a package it needs is missing
        raise
    raise ModuleNotFoundError(
        "hgref.interop.jax needs JAX: python -m pip install jax", name="jax"
    ) from error


def objective(
    fn: Callable[..., Any], params: Any, hyper: Mapping[str, tuple[int, ...]] | None = None
) -> JaxObjective:
    """J(w, λ) = fn(params, lam), with g, H dw + M dλ, u H, u M and ∂J/∂λ from JAX.

    fn       a pure function of params, which look like the template, and of lam, {name: array};
             it returns a scalar, and jax.jit must be able to trace it
    params   the template: a pytree of arrays of real numbers. w is the concatenation of its leaves
             in the order of jax.tree_util.tree_flatten (mappings by sorted key), each in row-major
             order
    hyper    {name: shape} of the blocks of λ that fn reads
    returns  an Objective; J.flatten(params) is w (p,), and J.unflatten(w) the params
    Raises   TypeError, ValueError with the name, the expected and the found value; also if fn reads
             a block that is not in hyper, if its loss is not a float64 scalar, and if w or λ is
             complex (so `hgref.check` uses central differences, not complex steps)
             RuntimeError if JAX cannot compute in float64
    Cost     grad about 3 losses, grad_vjp about 6, grad_jvp about 6 a column, all columns at once;
             the first call of each also compiles it
    Exact    to rounding in float64, whatever the user's jax_enable_x64, which is not changed
    Beware   a jax array that fn uses keeps the precision it was made with: float32, unless x64 was
             on. Keep data as NumPy arrays. fn does not see the step t: no mini-batches, no new
             random numbers. At points where J is not differentiable, the result is JAX's: NaN for
             √ at 0
    Source   jax.jvp, jax.vjp; Pearlmutter 1994, Neural Computation 6 (products with H)

    Example
        >>> from hgref.interop.jax import objective
        >>> loss = lambda w, lam: lam["scale"] * (w ** 2).sum()
        >>> J = objective(loss, np.zeros(2), {"scale": ()})
        >>> J.grad(1, np.array([1.0, 2.0]), {"scale": np.array(0.5)}).tolist()
        [1.0, 2.0]
    """
    return JaxObjective(fn, params, hyper)


class JaxObjective(FrameworkObjective):
    """J(w, λ) = fn(params, lam) in JAX; each function is compiled once.

    fn, params, hyper, Raises, Cost, Exact, Beware, Source   as in `objective`, which returns it

    Example
        >>> from hgref.interop.jax import objective
        >>> J = objective(lambda params, lam: params["b"].sum(), {"b": np.zeros(2)})
        >>> type(J).__name__, J.p, J.flatten({"b": np.ones(2)}).tolist()
        ('JaxObjective', 2, [1.0, 1.0])
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
        self.applied = jax.jit(lambda back, u: back(u))  # once for each structure of residuals

    def leaves(self, params: Any) -> dict[str, Any]:
        paths, _ = jax.tree_util.tree_flatten_with_path(params)
        named = {f"params{jax.tree_util.keystr(path)}": leaf for path, leaf in paths}
        for name, leaf in named.items():
            kind = getattr(leaf, "dtype", None)
            if kind is None or not jnp.issubdtype(kind, jnp.floating):
                found = type(leaf).__name__ if kind is None else kind
                hint = "; equinox: params, rest = partition(model, is_inexact_array)"
                raise TypeError(
                    f"{name}: expected an array of real numbers, found {found}"
                    f"{hint if kind is None else ''}"
                )
        return named

    def rebuild(self, leaves: list[Any]) -> Any:
        return jax.tree_util.tree_unflatten(self.structure, leaves)

    def tensor(self, array: Array) -> Any:
        tensor = jnp.array(array)  # a copy, as the caller may change the array later
        if tensor.dtype != np.float64:
            raise RuntimeError(f"jax: expected float64 to be enabled here, found {tensor.dtype}")
        return tensor

    def array(self, tensor: Any) -> Array:
        return np.asarray(tensor).astype(float, copy=False)

    def float64(self) -> AbstractContextManager[Any]:
        for home in (jax, jax.experimental):  # newer and older versions of JAX
            if hasattr(home, "enable_x64"):
                return home.enable_x64(True)
        raise RuntimeError(f"jax: expected enable_x64 for float64, found none in {jax.__version__}")

    def pull(self, back: Any, u: Any) -> Any:
        return self.applied(back, u)

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return jax.jit(function)
