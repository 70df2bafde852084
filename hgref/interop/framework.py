"""An objective differentiated by a framework: NumPy arrays outside, float64 tensors inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np

from hgref.arguments import Array, asarray, require_callable, require_shape
from hgref.at import At
from hgref.layout import Blocks, Layout
from hgref.objectives.callback import read_shapes
from hgref.objectives.objective import Objective, Shapes

Tensors = Callable[..., Any]  # a function of the framework's tensors


class FrameworkObjective(Objective):
    """J(w, λ) = fn(params, lam), where w (p,) is the concatenation of the params.

        g = ∇_w fn,     H dw + M dλ = jvp of g,     (u H, u M) = vjp of g

    A subclass wraps one framework and defines:

        transforms       a namespace with grad, jvp, vjp, vmap
        linearised       optional: g and its products at a point
        leaves(params)   {name: tensor}, with the names used in error messages
        rebuild(leaves)  the params from a list of tensors, the inverse of `leaves`
        tensor(array)    a float64 tensor equal to a float64 array
        array(tensor)    a float64 array equal to a tensor of any float type

    Source   Pearlmutter 1994, Neural Computation 6 (products with H, not H itself)
    """

    p: int
    transforms: Any

    def __init__(
        self,
        fn: Callable[..., Any],
        params: Any,
        hyper: Mapping[str, tuple[int, ...]] | None = None,
    ):
        require_callable("fn", fn)
        self.fn = fn
        self.shapes = read_shapes(hyper or {})
        self.layout = Layout({n: tuple(leaf.shape) for n, leaf in self.leaves(params).items()})
        self.p = self.layout.size
        self.forward = True  # whether fn has a forward derivative, as far as is known
        if self.p == 0:
            raise ValueError("params: expected at least one weight, found none")
        derived = (self.loss, self.slope, self.pulled, self.columns, self.transposed, self.direct)
        self.functions = {function.__name__: self.compiled(function) for function in derived}

    # defined by each framework
    def leaves(self, params: Any) -> dict[str, Any]:
        raise NotImplementedError

    def rebuild(self, leaves: list[Any]) -> Any:
        raise NotImplementedError

    def tensor(self, array: Array) -> Any:
        raise NotImplementedError

    def array(self, tensor: Any) -> Array:
        raise NotImplementedError

    def float64(self) -> AbstractContextManager[Any]:
        """A context in which the framework computes in float64."""
        return nullcontext()

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, compiled if the framework has a compiler."""
        return function

    # params and w
    def flatten(self, params: Any) -> Array:
        """w (p,), float64, from params with the names and shapes of the template."""
        leaves = self.leaves(params)
        found = {name: tuple(leaf.shape) for name, leaf in leaves.items()}
        if found != self.layout.shapes:
            raise ValueError(f"params: expected {self.layout.shapes}, found {found}")
        return np.concatenate([self.array(leaves[n]).reshape(-1) for n in self.layout.shapes])

    def read_weights(self, params: Any) -> Array:
        return self.flatten(params)

    def unflatten(self, w: Any) -> Any:
        """The framework's params, float64, from a vector w (p,)."""
        array = real("w", w)
        require_shape("w", array.shape, (self.p,))
        with self.float64():
            return self.rebuild(self.cut(self.tensor(array)))

    def cut(self, w: Any) -> list[Any]:
        """Split a tensor (p,) into the leaves of the params."""
        places = zip(self.layout.slices.values(), self.layout.shapes.values(), strict=True)
        return [w[place].reshape(shape) for place, shape in places]

    # the loss and its derivatives, in the framework
    def loss(self, w: Any, lam: Any) -> Any:
        """The value of fn, checked to be a float64 scalar: less precise data would go unnoticed."""
        value = self.fn(self.rebuild(self.cut(w)), Declared(lam))
        if not hasattr(value, "shape"):
            raise TypeError(f"fn: expected a scalar tensor, found {type(value).__name__}")
        require_shape("fn", tuple(value.shape), ())
        if not str(value.dtype).endswith("float64"):
            raise TypeError(f"fn: expected a float64 loss, found {value.dtype}; use float64 data")
        return value

    def gradient(self, w: Any, lam: Any) -> Any:
        """g = ∇_w J."""
        return self.transforms.grad(self.loss)(w, lam)

    def g_at(self, lam: Any) -> Callable[[Any, Any], Any]:
        """g as a function of w and of some blocks of λ; the others are held constant."""
        return lambda w, moving: self.gradient(w, {**lam, **moving})

    def columns(self, w: Any, lam: Any, dw: Any, dlam: Any) -> Any:
        """H dw + M dλ; blocks that are not in dlam are held constant."""
        g, point = self.g_at(lam), (w, {name: lam[name] for name in dlam})

        def along(dw: Any, dlam: Any) -> Any:
            return self.transforms.jvp(g, point, (dw, dlam))[1]

        # output axis 0: with any other, torch misplaces outputs that are constant (H = 0)
        return self.transforms.vmap(along, -1, 0)(dw, dlam).T

    def transposed(self, w: Any, lam: Any, dw: Any, dlam: Any) -> Any:
        """The same as the transpose of u ↦ (u H, u M): for losses that have no forward derivative.

        torch lacks it for mse_loss and huber_loss, JAX for every custom_vjp.
        """
        held = {name: lam[name] for name in dlam}
        value, pull = self.transforms.vjp(self.g_at(lam), w, held)

        def along(dw: Any, dlam: Any) -> Any:
            return self.transforms.vjp(pull, value)[1]((dw, dlam))[0]

        return self.transforms.vmap(along, -1, 0)(dw, dlam).T

    def slope(self, w: Any, lam: Any) -> Any:
        """g alone."""
        return self.gradient(w, lam)

    def pulled(self, w: Any, lam: Any) -> Any:
        """(g, the map u ↦ (u H, u M)), which share what they have in common."""
        return self.transforms.vjp(self.gradient, w, lam)

    def linearised(self, w: Any, lam: Any) -> tuple[Any, Tensors, Tensors]:
        """(g, columns(dw, dlam), row(u)) at a point."""
        g, back = self.functions["pulled"](w, lam)
        return g, partial(self.pushed, w, lam), partial(self.pull, back)

    def pull(self, back: Tensors, u: Any) -> Any:
        """(u H, u M) by the map that `pulled` returned."""
        return back(u)

    def pushed(self, w: Any, lam: Any, dw: Any, dlam: Any) -> Any:
        """H dw + M dλ, forwards, or where fn has no forward derivative by the transpose."""
        if self.forward:
            try:
                return self.functions["columns"](w, lam, dw, dlam)
            except (NotImplementedError, RuntimeError, TypeError):
                found = self.functions["transposed"](w, lam, dw, dlam)  # raises, if fn is at fault
                self.forward = False
                return found
        return self.functions["transposed"](w, lam, dw, dlam)

    def direct(self, w: Any, lam: Any) -> Any:
        """∂J/∂λ."""
        return self.transforms.grad(self.loss, 1)(w, lam)

    # the five functions of an objective
    def hyper(self, p: int) -> Shapes:
        return self.shapes

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        return self.call("loss", w=w, lam=self.own(lam))[()]

    def afresh(self, t: int, w: Array, lam: Blocks) -> Any:
        with self.float64():
            point = {name: self.enter(name, x) for name, x in (("w", w), ("lam", self.own(lam)))}
            return self.leave(self.loss(**point))[()]

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        with self.float64():
            found = self.linearised(self.enter("w", w), self.enter("lam", self.own(lam)))
        g, columns, row = found

        def jvp(dw: Array, dlam: Blocks) -> Array:
            moving = {name: dlam[name] for name in self.shapes if name in dlam}
            with self.float64():
                return self.leave(columns(self.enter("dw", dw), self.enter("dlam", moving)))

        def vjp(u: Array) -> tuple[Array, Blocks]:
            with self.float64():
                return self.leave(row(self.enter("u", u)))

        return At(self.leave(g), jvp, vjp)

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        return self.call("slope", w=w, lam=self.own(lam))

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        return self.call("direct", w=w, lam=self.own(lam)) if self.shapes else {}

    def own(self, lam: Blocks) -> Blocks:
        """Those blocks of λ that fn reads."""
        missing = [name for name in self.shapes if name not in lam]
        if missing:
            raise ValueError(f"lam: expected blocks {list(self.shapes)}, lacks {missing}")
        return {name: lam[name] for name in self.shapes}

    # in and out
    def call(self, name: str, **arguments: Any) -> Any:
        """Apply one of the framework's functions to arrays and mappings of arrays."""
        with self.float64():
            inputs = {n: self.enter(n, x) for n, x in arguments.items()}
            return self.leave(self.functions[name](**inputs))

    def enter(self, name: str, x: Any) -> Any:
        if isinstance(x, dict):
            return {n: self.enter(n, block) for n, block in x.items()}
        return self.tensor(real(name, x))

    def leave(self, x: Any) -> Any:
        if isinstance(x, dict):
            return {n: self.leave(block) for n, block in x.items()}
        return tuple(map(self.leave, x)) if isinstance(x, tuple) else self.array(x)


class Declared(dict[str, Any]):
    """The blocks in `hyper`; reading another one is an error, as its derivative would be lost."""

    def __missing__(self, name: str) -> Any:
        raise ValueError(f"lam: fn reads block {name!r}, but hyper declares only {list(self)}")


def real(name: str, value: Any) -> Array:
    """The value in float64; refuses complex numbers and higher precision."""
    array = asarray(name, value)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise TypeError(
            f"{name}: expected float64 for a loss in PyTorch or JAX, found dtype {array.dtype}; "
            f"use central differences in place of complex steps"
        )
    return array.astype(float, copy=False)
