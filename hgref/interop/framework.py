"""A framework's tensors: NumPy arrays outside, float64 tensors inside, and products of a map."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from hgref.arguments import Array, asarray, require_shape
from hgref.at import At
from hgref.layout import Blocks, Layout

Tensors = Callable[..., Any]  # a function of the framework's tensors
LARGEST_INTEGER = 2**53  # above it float64 does not hold every integer


class Framework:
    """A vector x that is the concatenation of a template's tensors, and a map φ(feed, x, λ).

        φ,     φ_x dx + φ_λ dλ = jvp of φ,     (u φ_x, u φ_λ) = vjp of φ

    The map is ∇J of an objective, and a whole step of a dynamics. `feed` is what step t brings: a
    mini-batch, or t. Integer and boolean tensors are held in x as float64, and have no derivative.

    A subclass wraps one framework and defines:

        leaves(nest)     {name: tensor}, with the names used in error messages
        rebuild(leaves)  the template's nest from a list of tensors, the inverse of `leaves`
        tensor(array)    a float64 tensor equal to a float64 array
        array(tensor)    a float64 array equal to a tensor of any type
        whole(x, like)   a float64 tensor as whole numbers of a type, without derivative
        joined(leaves)   one float64 vector from a list of tensors
        linearised(feed, x, lam)   (φ, columns(dx, dλ), row(u)): φ and its products at a point
        compiled(function)         optional: the function, compiled
    """

    root = "params"  # what a nest is called in messages
    layout: Layout
    kinds: dict[str, str]

    def set_template(self, nest: Any) -> None:
        leaves = self.leaves(nest)
        self.layout = Layout({name: tuple(leaf.shape) for name, leaf in leaves.items()})
        self.kinds = {name: str(leaf.dtype).removeprefix("torch.") for name, leaf in leaves.items()}

    # defined by each framework
    def leaves(self, nest: Any) -> dict[str, Any]:
        raise NotImplementedError

    def rebuild(self, leaves: list[Any]) -> Any:
        raise NotImplementedError

    def tensor(self, array: Array) -> Any:
        raise NotImplementedError

    def array(self, tensor: Any) -> Array:
        raise NotImplementedError

    def whole(self, x: Any, kind: str) -> Any:
        raise NotImplementedError

    def joined(self, leaves: list[Any]) -> Any:
        raise NotImplementedError

    def float64(self) -> AbstractContextManager[Any]:
        """A context in which the framework computes in float64."""
        return nullcontext()

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, compiled if the framework has a compiler."""
        return function

    def linearised(self, feed: Any, x: Any, lam: Any) -> tuple[Any, Tensors, Tensors]:
        raise NotImplementedError

    # the template's nest, and the vector
    def flatten(self, nest: Any) -> Array:
        """The vector of a nest with the template's names and shapes, float64."""
        leaves = self.leaves(nest)
        found = {name: tuple(leaf.shape) for name, leaf in leaves.items()}
        if found != self.layout.shapes:
            raise ValueError(f"{self.root}: expected {self.layout.shapes}, found {found}")
        parts = [self.array(leaves[n]).reshape(-1) for n in self.layout.shapes]
        for name, part in zip(self.layout.shapes, parts, strict=True):
            if not is_real(self.kinds[name]) and np.abs(part).max(initial=0) > LARGEST_INTEGER:
                raise ValueError(f"{name}: expected integers up to 2^53, found larger ones")
        return np.concatenate(parts)

    def unflatten(self, x: Any) -> Any:
        """The nest, with real tensors in float64, of a vector."""
        array = real("w", x)
        require_shape("w", array.shape, (self.layout.size,))
        with self.float64():
            return self.rebuild(self.cut(self.tensor(array)))

    def cut(self, x: Any) -> list[Any]:
        """Split a vector into the leaves of the nest."""
        parts = []
        for name, shape in self.layout.shapes.items():
            part, kind = x[self.layout.slices[name]].reshape(shape), self.kinds[name]
            parts.append(part if is_real(kind) else self.whole(part, kind))
        return parts

    def join(self, nest: Any) -> Any:
        """The vector of what a user's function returned: it must be like the template."""
        leaves = self.leaves(nest)
        found = {name: tuple(leaf.shape) for name, leaf in leaves.items()}
        wanted = self.layout.shapes
        for name in wanted:
            if name not in found or found[name] != wanted[name]:
                had = found.get(name, "none")
                raise ValueError(f"{name}: expected shape {wanted[name]} from step, found {had}")
        for name in found:
            if name not in wanted:
                raise ValueError(f"{name}: expected a state like the start, which has none")
            kind = str(leaves[name].dtype)
            if is_real(self.kinds[name]) and not kind.endswith("float64"):
                raise TypeError(
                    f"{name}: expected float64 from step, found {kind}; use float64 data"
                )
        return self.joined([leaves[name] for name in wanted])

    # arrays outside
    def prepare(self, *functions: Callable[..., Any]) -> None:
        """Compile these for `call`."""
        self.functions = {function.__name__: self.compiled(function) for function in functions}

    def products(self, feed: Any, x: Array, lam: Blocks) -> At:
        """φ at a point, with its products, as arrays."""
        with self.float64():
            value, columns, row = self.linearised(feed, self.enter("w", x), self.enter("lam", lam))

        def jvp(dx: Array, dlam: Blocks) -> Array:
            moving = {name: dlam[name] for name in lam if name in dlam}
            with self.float64():
                return self.leave(columns(self.enter("dw", dx), self.enter("dlam", moving)))

        def vjp(u: Array) -> tuple[Array, Blocks]:
            with self.float64():
                return self.leave(row(self.enter("u", u)))

        return At(self.leave(value), jvp, vjp)

    def call(self, name: str, *arguments: Any, **arrays: Any) -> Any:
        """Apply one of the prepared functions to a feed, and to arrays and mappings of arrays."""
        return self.applied_to(self.functions[name], *arguments, **arrays)

    def applied_to(self, function: Tensors, *arguments: Any, **arrays: Any) -> Any:
        with self.float64():
            inputs = [self.enter(name, x) for name, x in arrays.items()]
            return self.leave(function(*arguments, *inputs))

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


def is_real(kind: str) -> bool:
    """Whether a tensor's type, by its name, is one of real numbers, and not of whole ones."""
    return "float" in kind


def real(name: str, value: Any) -> Array:
    """The value in float64; refuses complex numbers and higher precision."""
    array = asarray(name, value)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise TypeError(
            f"{name}: expected float64 for a function in PyTorch or JAX, found dtype "
            f"{array.dtype}; use central differences in place of complex steps"
        )
    return array.astype(float, copy=False)
