"""Base class of training objectives J_t and validation errors E, and sums of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array, asarray
from hgref.at import At, Linearised, as_columns, as_row, as_state, lacking
from hgref.layout import Blocks

Shapes = dict[str, tuple[int, ...]]


class Objective(Linearised):
    """A function J_t(w, λ_J) of the weights and of its own hyperparameters λ_J.

    A dynamics sees J only through g = ∇_w J_t and the products with H = ∇²_ww J, M = ∇²_wλ J. A
    subclass defines `value`, and either `at` or grad, grad_jvp and grad_vjp. A function that is
    never called may be left out: `forward` needs grad_jvp, `reverse` grad_vjp, E value and grad.

        value(t, w, lam)                  J_t(w, λ)                          scalar
        at(t, w, lam)                     g with .jvp and .vjp               hgref.at.At
        grad(t, w, lam)                   g                                  (p,)
        grad_jvp(t, w, lam, dw, dlam)     H dw + M dλ, columns               (p, k)
        grad_vjp(t, w, lam, u)            (u H, u M), row                    (p,), {name: …}
        grad_lam(t, w, lam)               ∂J_t/∂λ, the direct dependence     {name: …}
        hyper(p)                          {name: shape} of its blocks of λ; default: none

    p        number of weights, an attribute; default None: any
    layer_labels   (p,) integers, the layer of each weight, an attribute; default None: no layers
    check_blocks, check_run   override these to refuse a λ, or a number of steps or weights
    t        step number from 1: selects the mini-batch
    w        (p,) weights, dw (p, k) columns of tangents, u (p,) a row of cotangents
    lam      mapping of named blocks; an objective reads its own and ignores the others
    dlam     mapping of tangents (…, k) of some of the blocks; an absent one is zero
    Raises   NotImplementedError, naming a function that is needed and not defined
    Cost     stated by each subclass; H and M are never formed
    Source   Franceschi et al. 2017, section 2

    Example
        >>> class Cubic(hgref.objectives.Objective):
        ...     p = 1
        ...     def value(self, t, w, lam): return (w**3).sum() / 3
        ...     def grad(self, t, w, lam): return w**2
        ...     def grad_vjp(self, t, w, lam, u): return 2 * w * u, {}
        >>> problem = hgref.Problem(hgref.GradientDescent(Cubic()), Cubic(), T=1, w0=[1.0])
        >>> hgref.reverse(problem, problem.pack(eta=0.5)).grad
        array([-0.25])
    """

    defined_by = ("grad", "grad_jvp", "grad_vjp")
    p: int | None = None  # number of weights; None: any
    w0: Array | None = None  # the weights of the template it was made from, where there is one
    layer_labels: Array | None = None  # (p,) the layer of each weight, 0 … L − 1, if it has layers
    same_at_every_step: bool = False  # True only if it is known that J_t does not depend on t
    kept: int = 0  # how many numbers `at` stores for its products, besides w, λ and g

    def hyper(self, p: int) -> Shapes:
        """Shapes of the blocks of λ_J that this objective reads, for p weights."""
        return {}

    def check_blocks(self, lam: Blocks) -> None:
        """Raise ValueError if a block is outside the domain of this objective."""

    def check_run(self, T: int, p: int) -> None:
        """Raise ValueError if this objective cannot serve T steps on p weights."""

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        raise lacking(self, "value")

    def afresh(self, t: int, w: Array, lam: Blocks) -> Any:
        """The value, without anything that was compiled before."""
        return self.value(t, w, lam)

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        raise lacking(self, "at")

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        raise lacking(self, "grad")

    def grad_jvp(self, t: int, w: Array, lam: Blocks, dw: Array, dlam: Blocks) -> Array:
        raise lacking(self, "grad_jvp")

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        raise lacking(self, "grad_vjp")

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        return {}

    def terms(self) -> Iterator[Objective]:
        yield self

    def read_weights(self, params: Any) -> Array:
        """w (p,) from a mapping or list of the weights' parts, in their own shapes."""
        parts = params.values() if isinstance(params, Mapping) else params
        return np.concatenate([asarray("w0", part).reshape(-1) for part in parts])

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        return Sum(*self.terms(), *other.terms())


class Sum(Objective):
    """J = J¹ + J² + …: values, gradients and products add; each term keeps its own blocks of λ.

    parts    objectives; `J + K` is Sum(J, K)
    Raises   ValueError if two terms have a block of the same name, or disagree about p
    Cost     that of the terms
    Exact    to rounding
    Source   the sum rule

    Example
        >>> J = hgref.objectives.Quadratic([[2.0]], [1.0]) + hgref.objectives.L2()
        >>> J.grad(1, np.array([3.0]), {"l2": np.array(0.5)})
        array([6.5])
    """

    def __init__(self, *parts: Objective):
        self.parts = parts
        sizes = {part.p for part in parts if part.p is not None}
        if len(sizes) > 1:
            raise ValueError(f"sum of objectives: expected one number of weights, found {sizes}")
        self.p = sizes.pop() if sizes else None
        self.kept = sum(part.kept for part in parts)
        self.same_at_every_step = all(part.same_at_every_step for part in parts)
        self.w0 = next((part.w0 for part in parts if part.w0 is not None), None)
        labels = (part.layer_labels for part in parts)
        self.layer_labels = next((found for found in labels if found is not None), None)

    def terms(self) -> Iterator[Objective]:
        yield from self.parts

    def read_weights(self, params: Any) -> Array:
        return self.parts[0].read_weights(params)

    def hyper(self, p: int) -> Shapes:
        shapes: Shapes = {}
        for part in self.parts:
            for name, shape in part.hyper(p).items():
                if name in shapes:
                    raise ValueError(
                        f"sum of objectives: two terms have a block {name!r}; "
                        f"give one of them another name"
                    )
                shapes[name] = shape
        return shapes

    def check_blocks(self, lam: Blocks) -> None:
        for part in self.parts:
            part.check_blocks(lam)

    def check_run(self, T: int, p: int) -> None:
        for part in self.parts:
            part.check_run(T, p)

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        return sum(part.value(t, w, lam) for part in self.parts)

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        values, jvps, vjps = zip(*(part.at(t, w, lam) for part in self.parts), strict=True)
        for part, value in zip(self.parts, values, strict=True):
            as_state("grad", part, value, w.size)

        def jvp(dw: Array, dlam: Blocks) -> Array:
            each = zip(self.parts, jvps, strict=True)
            return sum((as_columns(part, jvp(dw, dlam), dw) for part, jvp in each), 0 * dw)

        def vjp(u: Array) -> tuple[Array, Blocks]:
            found = zip(self.parts, vjps, strict=True)
            each = [as_row(part, vjp(u), u, part.hyper(u.size)) for part, vjp in found]
            rows, blocks = zip(*each, strict=True)
            return sum(rows), merged(blocks)

        return At(sum(values), jvp, vjp)

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        return merged(part.grad_lam(t, w, lam) for part in self.parts)


def merged(mappings: Iterable[Blocks]) -> Blocks:
    """One mapping of all the blocks; `Sum.hyper` has checked that names are distinct."""
    return {name: block for mapping in mappings for name, block in mapping.items()}
