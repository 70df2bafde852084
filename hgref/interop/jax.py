"""Makes objectives of losses, and dynamics of training steps, written in JAX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.interop.dynamics import FrameworkDynamics
from hgref.interop.framework import Framework, Tensors
from hgref.interop.objective import FrameworkObjective
from hgref.interop.transform import transform as made
from hgref.transforms import Map

__all__ = ["JaxDynamics", "JaxObjective", "dynamics", "objective", "transform"]

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

NEED_NUMBERS = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


def objective(
    fn: Callable[..., Any],
    params: Any,
    hyper: Mapping[str, tuple[int, ...]] | None = None,
    batches: Any = None,
) -> JaxObjective:
    """J_t(w, λ) = fn(params, lam), with g, H dw + M dλ, u H, u M and ∂J/∂λ from JAX.

    fn       a pure function of params, which look like the template, and of lam, {name: array};
             it returns a scalar, and jax.jit must be able to trace it
    params   the template: a pytree of arrays of real numbers. w is the concatenation of its leaves
             in the order of jax.tree_util.tree_flatten (mappings by sorted key), each in row-major
             order; training starts at their values unless the problem has a w0
    hyper    {name: shape} of the blocks of λ that fn reads
    batches  a sequence of mini-batches, pytrees of arrays, all of one structure and shape: step t
             calls fn(params, lam, batches[t - 1])
    returns  an Objective; J.flatten(params) is w (p,), and J.unflatten(w) the params
    Raises   TypeError, ValueError with the name, the expected and the found value; also if fn reads
             a block that is not in hyper, if its loss is not a float64 scalar, and if w or λ is
             complex (so `hgref.check` uses central differences, not complex steps)
             RuntimeError if JAX cannot compute in float64
    Cost     grad about 3 losses, grad_vjp about 6, grad_jvp about 6 a column, all columns at once;
             the first call of each also compiles it
    Exact    to rounding in float64, whatever the user's jax_enable_x64, which is not changed
    Beware   a jax array that fn uses keeps the precision it was made with: float32, unless x64 was
             on. Keep data as NumPy arrays. A loss that draws its own mini-batch is no function:
             use batches, which can be keys too. Integer and boolean arrays of the template are
             passed on, and have no derivative. At points where J is not differentiable, the result
             is JAX's: NaN for √ at 0
    Source   jax.jvp, jax.vjp; Pearlmutter 1994, Neural Computation 6 (products with H)

    Example
        >>> from hgref.interop.jax import objective
        >>> loss = lambda w, lam: lam["scale"] * (w ** 2).sum()
        >>> J = objective(loss, np.zeros(2), {"scale": ()})
        >>> J.grad(1, np.array([1.0, 2.0]), {"scale": np.array(0.5)}).tolist()
        [1.0, 2.0]
    """
    return JaxObjective(fn, params, hyper, batches)


def dynamics(
    step: Callable[..., Any], start: Any, hyper: Mapping[str, tuple[int, ...]]
) -> JaxDynamics:
    """s_t = step(t, s_{t-1}, λ): a whole training step of your own, with A_t and B_t from JAX.

    step     step(t, state, lam) -> state, a pure function; t counts from 1, and lam is {name:
             array}. It may call jax.grad, optax's update, a module's apply
    start    the state s_0, a pytree of arrays: parameters, optimizer state, statistics, counters,
             keys; or a function lam -> state, for a learned start
    hyper    {name: shape} of the blocks of λ that step and start read
    returns  a Dynamics whose state is one vector s (d,); .flatten(state) and .unflatten(s) convert.
             E sees the whole state: objective(fn, start) with fn(state, lam)
    Raises   TypeError, ValueError with the name, the expected and the found value; also if step
             returns another structure or shape, or float32, or reads a block that is not in hyper
    Cost     a step and its derivative; the first call also compiles, for all t at once. A step that
             needs t as a Python number (batches[t - 1] of a list, `if t < 5`) runs uncompiled, some
             ten times slower: index one array of all batches, and use jnp.where
    Exact    to rounding in float64; state and λ are float64 in step
    Beware   as for `objective`. Integers, booleans and raw keys in the state, such as optax's
             count, are carried and not differentiated
    Source   Franceschi et al. 2017, section 2: any Φ_t; jax.vjp, jax.jvp

    Example
        >>> from hgref.interop.jax import dynamics, objective
        >>> def step(t, state, lam):
        ...     w, v = state["w"], lam["mu"] * state["v"] + 2 * state["w"]
        ...     return {"w": w - lam["eta"] * v, "v": v}
        >>> start = {"w": np.ones(1), "v": np.zeros(1)}
        >>> E = objective(lambda state, lam: (state["w"] ** 2).sum(), start)
        >>> problem = hgref.Problem(dynamics(step, start, {"eta": (), "mu": ()}), E, T=2)
        >>> hgref.reverse(problem, problem.pack(eta=0.1, mu=0.5)).grad.round(3).tolist()
        [-4.536, -0.216]
    """
    return JaxDynamics(step, start, hyper)


def transform(fn: Callable[..., Any], shapes: Mapping[str, tuple[int, ...]]) -> Map:
    """λ = fn(θ), for `Problem(transform=…)`, with its products from jax.jvp and jax.vjp.

    fn       takes {name: array}, returns {name: array} of the blocks of λ that it makes
    shapes   {name: shape} of the blocks of θ that it reads; they replace those that it makes
    returns  hgref.transforms.Map
    Raises   as Map; TypeError for complex θ, so that `hgref.check` uses differences
    Cost     that of the function; columns all at once
    Exact    to rounding in float64
    Source   the chain rule: ∇_θ f = ∇_λ f · τ'(θ)

    Example
        >>> import hgref.interop.jax
        >>> made = hgref.interop.jax.transform(lambda x: {"l2": x["root"] ** 2}, {"root": ()})
        >>> made.at({"root": np.array(3.0)}).value["l2"].tolist()
        9.0
    """
    return made(fn, shapes, jax, jnp.array, lambda x: np.asarray(x).astype(float), float64)


def float64() -> AbstractContextManager[Any]:
    """A context in which JAX computes in float64."""
    for home in (jax, jax.experimental):  # newer and older versions of JAX
        if hasattr(home, "enable_x64"):
            return home.enable_x64(True)
    raise RuntimeError(f"jax: expected enable_x64 for float64, found none in {jax.__version__}")


class Jax(Framework):
    """Pytrees of arrays, and maps that jit compiles, unless they need Python's own numbers."""

    def set_template(self, nest: Any) -> None:
        super().set_template(nest)
        self.structure = jax.tree_util.tree_structure(nest)
        self.applied = jax.jit(lambda back, u: back(u))  # once for each structure of residuals
        self.forward = True  # whether φ has a forward derivative, as far as is known
        self.eager = False  # whether φ must see concrete numbers
        self.products_of = {
            function.__name__: self.compiled(function)
            for function in (self.pulled, self.columns, self.transposed)
        }

    def leaves(self, params: Any) -> dict[str, Any]:
        paths, _ = jax.tree_util.tree_flatten_with_path(params)
        named = {f"{self.root}{jax.tree_util.keystr(path)}": leaf for path, leaf in paths}
        for name, leaf in named.items():
            if isinstance(leaf, (bool, int, float)):
                named[name] = leaf = np.asarray(leaf)
            kind = getattr(leaf, "dtype", None)
            if kind is None or not is_number(kind):
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
        return float64()

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        traced = jax.jit(function)

        def call(*arguments: Any) -> Any:
            if not self.eager:
                try:
                    return traced(*arguments)
                except NEED_NUMBERS:
                    self.eager = True
            return function(*arguments)

        return call

    def whole(self, x: Any, kind: str) -> Any:
        return jnp.rint(jax.lax.stop_gradient(x)).astype(kind)

    def joined(self, leaves: list[Any]) -> Any:
        return jnp.concatenate([jnp.ravel(leaf).astype(float) for leaf in leaves])

    # φ's products
    def mapped(self, feed: Any, x: Any, lam: Any) -> Any:
        """φ(feed, x, λ), an array as long as x: defined for each kind of map."""
        raise NotImplementedError

    def columns(self, feed: Any, x: Any, lam: Any, dx: Any, dlam: Any) -> Any:
        """φ_x dx + φ_λ dλ; blocks that are not in dlam are held constant."""
        point = x, {name: lam[name] for name in dlam}

        def map_(x: Any, moving: Any) -> Any:
            return self.mapped(feed, x, {**lam, **moving})

        def along(dx: Any, dlam: Any) -> Any:
            return jax.jvp(map_, point, (dx, dlam))[1]

        return jax.vmap(along, -1, -1)(dx, dlam)

    def transposed(self, feed: Any, x: Any, lam: Any, dx: Any, dlam: Any) -> Any:
        """The same as the transpose of u ↦ (u φ_x, u φ_λ): a custom_vjp has no other."""

        def map_(x: Any, moving: Any) -> Any:
            return self.mapped(feed, x, {**lam, **moving})

        value, pull = jax.vjp(map_, x, {name: lam[name] for name in dlam})

        def along(dx: Any, dlam: Any) -> Any:
            return jax.vjp(pull, value)[1]((dx, dlam))[0]

        return jax.vmap(along, -1, -1)(dx, dlam)

    def pulled(self, feed: Any, x: Any, lam: Any) -> Any:
        """(φ, the map u ↦ (u φ_x, u φ_λ)), which share what they have in common."""
        return jax.vjp(partial(self.mapped, feed), x, lam)

    def linearised(self, feed: Any, x: Any, lam: Any) -> tuple[Any, Tensors, Tensors]:
        """(φ, columns(dx, dλ), row(u)) at a point."""
        value, back = self.products_of["pulled"](feed, x, lam)
        return value, partial(self.pushed, feed, x, lam), partial(self.pull, back)

    def pull(self, back: Tensors, u: Any) -> Any:
        """(u φ_x, u φ_λ) by the map that `pulled` returned."""
        return back(u) if self.eager else self.applied(back, u)

    def pushed(self, feed: Any, x: Any, lam: Any, dx: Any, dlam: Any) -> Any:
        """φ_x dx + φ_λ dλ, forwards, or where φ has no forward derivative by the transpose."""
        if self.forward:
            try:
                return self.products_of["columns"](feed, x, lam, dx, dlam)
            except (NotImplementedError, RuntimeError, TypeError):
                found = self.products_of["transposed"](feed, x, lam, dx, dlam)  # raises if fn errs
                self.forward = False
                return found
        return self.products_of["transposed"](feed, x, lam, dx, dlam)


class JaxObjective(Jax, FrameworkObjective):
    """J(w, λ) = fn(params, lam) in JAX; each function is compiled once.

    fn, params, hyper, batches, Raises, Cost, Exact, Beware, Source   as in `objective`, which
             returns it

    Example
        >>> from hgref.interop.jax import objective
        >>> J = objective(lambda params, lam: params["b"].sum(), {"b": np.zeros(2)})
        >>> type(J).__name__, J.p, J.flatten({"b": np.ones(2)}).tolist()
        ('JaxObjective', 2, [1.0, 1.0])
    """

    def mapped(self, batch: Any, w: Any, lam: Any) -> Any:
        return jax.grad(self.loss, 1)(batch, w, lam)

    def slope(self, batch: Any, w: Any, lam: Any) -> Any:
        return self.mapped(batch, w, lam)

    def direct(self, batch: Any, w: Any, lam: Any) -> Any:
        return jax.grad(self.loss, 2)(batch, w, lam)


class JaxDynamics(Jax, FrameworkDynamics):
    """s_t = step(t, s_{t-1}, λ) in JAX; each function is compiled once, for all t.

    step, start, hyper, Raises, Cost, Exact, Beware, Source   as in `dynamics`, which returns it

    Example
        >>> from hgref.interop.jax import dynamics
        >>> Phi = dynamics(lambda t, w, lam: w - lam["eta"] * w, np.ones(1), {"eta": ()})
        >>> Phi.step(1, np.ones(1), {"eta": np.array(0.5)}).tolist()
        [0.5]
    """

    def mapped(self, t: Any, s: Any, lam: Any) -> Any:
        return self.stepped(t, s, lam)


def is_number(kind: Any) -> bool:
    return any(jnp.issubdtype(kind, of) for of in (jnp.floating, jnp.integer, jnp.bool_))
