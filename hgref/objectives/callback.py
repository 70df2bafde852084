"""An objective given by the user's own functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array, as_count, asarray, require_callable, require_known, require_shape
from hgref.at import NotGiven
from hgref.layout import Blocks
from hgref.objectives.objective import Objective, Shapes


class Callback(Objective):
    """J(w, λ) given by functions of (w, lam); lam maps names to all blocks of the problem's λ.

        value(w, lam)                   J                        scalar
        grad(w, lam)                    g = ∇_w J                (p,)
        grad_jvp(w, lam, dw, dlam)      H dw + M dλ              (p, k); dlam[name] is (…, k)
        grad_vjp(w, lam, u)             (u H, {name: u M})       (p,), blocks shaped like λ's
        grad_lam(w, lam)                {name: ∂J/∂λ}            needed if J is E and depends on λ

    hyper    {name: shape} of the blocks of λ that this J adds to the problem's, or that E shares
             with it; grad_vjp and grad_lam return a derivative for each
    p        number of weights; None: the length of w0
    sees_t   True: the functions get the number of the step, from 1, before w: value(t, w, lam) …
    Raises   TypeError naming a function that is needed but was not given: `forward` needs
             grad_jvp, `reverse` needs grad_vjp, E needs only value and grad
    Cost     that of the functions
    Exact    as exact as the functions; hgref.witness tests whether they are consistent
    Beware   w and lam are read-only; a block of dlam that was not requested is zero. Complex-step
             witnesses call value and grad with complex w and λ: write `x * x`, not `abs(x)**2`,
             and avoid `.conj()` and `np.vdot`
    Source   Franceschi et al. 2017, section 2 (J and E are any differentiable functions)

    Example
        >>> J = hgref.objectives.Callback(
        ...     value=lambda w, lam: (w**3).sum() / 3, grad=lambda w, lam: w**2,
        ...     grad_vjp=lambda w, lam, u: (2 * w * u, {}))
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=1, w0=[1.0])
        >>> hgref.reverse(problem, problem.pack(eta=0.5)).grad.tolist()
        [-0.25]
    """

    def __init__(
        self,
        value: Callable[..., Any],
        grad: Callable[..., Any],
        grad_jvp: Callable[..., Any] | None = None,
        grad_vjp: Callable[..., Any] | None = None,
        grad_lam: Callable[..., Any] | None = None,
        hyper: Mapping[str, tuple[int, ...]] | None = None,
        p: int | None = None,
        sees_t: bool = False,
    ):
        self.functions = {
            "value": value,
            "grad": grad,
            "grad_jvp": grad_jvp,
            "grad_vjp": grad_vjp,
            "grad_lam": grad_lam,
        }
        for name, function in self.functions.items():
            if function is not None:
                require_callable(name, function)
        self.shapes = read_shapes(hyper or {})
        self.p = None if p is None else as_count("p", p, 1)
        self.sees_t = bool(sees_t)

    def hyper(self, p: int) -> Shapes:
        return self.shapes

    def call(self, name: str, t: int, *arguments: Any) -> Any:
        function = self.functions[name]
        if function is None:
            raise NotGiven(f"Callback: this computation needs the function {name}=, found None")
        first = (t,) if self.sees_t else ()
        return function(*first, *(read_only(argument) for argument in arguments))

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        return number_array("Callback value", self.call("value", t, w, lam), ())[()]

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        return number_array("Callback grad", self.call("grad", t, w, lam), w.shape)

    def grad_jvp(self, t: int, w: Array, lam: Blocks, dw: Array, dlam: Blocks) -> Array:
        zeros = {n: np.zeros((*b.shape, dw.shape[1])) for n, b in lam.items() if n not in dlam}
        product = self.call("grad_jvp", t, w, lam, dw, {**dlam, **zeros})
        return number_array("Callback grad_jvp", product, dw.shape)

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        pair = self.call("grad_vjp", t, w, lam, u)
        if not (isinstance(pair, tuple) and len(pair) == 2):
            found = f"a tuple of {len(pair)}" if isinstance(pair, tuple) else type(pair).__name__
            raise TypeError(f"Callback grad_vjp: expected a pair (uH, {{name: uM}}), found {found}")
        row = number_array("Callback grad_vjp", pair[0], w.shape)
        return row, self.read_blocks("grad_vjp", pair[1], self.shapes)

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        if self.functions["grad_lam"] is None and not self.shapes:
            return {}
        shapes = {name: np.shape(block) for name, block in lam.items()}
        return self.read_blocks("grad_lam", self.call("grad_lam", t, w, lam), shapes)

    def read_blocks(self, what: str, blocks: Any, shapes: Shapes) -> Blocks:
        if not isinstance(blocks, Mapping):
            raise TypeError(f"Callback {what}: expected a mapping, found {type(blocks).__name__}")
        for name in blocks:
            require_known(name, shapes, f"block in Callback {what}")
        missing = [name for name in self.shapes if name not in blocks]
        if missing:
            raise ValueError(
                f"Callback {what}: expected blocks {list(self.shapes)}, lacks {missing}"
            )
        return {n: number_array(f"Callback {what} {n}", b, shapes[n]) for n, b in blocks.items()}


def number_array(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    """The value as an array of that shape; NaN is allowed here: the run raises Diverged."""
    array = asarray(name, value)
    if array.dtype.kind not in "biufcO":
        raise TypeError(f"{name}: expected numbers, found dtype {array.dtype}")
    require_shape(name, array.shape, shape)
    return array.astype(float, copy=False) if array.dtype.kind in "biuf" else array


def read_shapes(hyper: Any) -> Shapes:
    """{name: shape}; a number n stands for (n,)."""
    if not isinstance(hyper, Mapping):
        raise TypeError(f"hyper: expected a mapping {{name: shape}}, found {type(hyper).__name__}")
    shapes = {}
    for name, shape in hyper.items():
        sizes = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        shapes[name] = tuple(as_count(f"hyper {name}", size, 0) for size in sizes)
    return shapes


def read_only(argument: Any) -> Any:
    """The same numbers, protected from changes by the user's function."""
    if isinstance(argument, np.ndarray):
        argument = argument.view()
        argument.flags.writeable = False
    elif isinstance(argument, dict):
        argument = {name: read_only(block) for name, block in argument.items()}
    return argument
