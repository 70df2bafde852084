"""What a training objective J_t, or a validation error E, has to offer; and sums of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hgref.arguments import Array
from hgref.layout import Blocks

Shapes = dict[str, tuple[int, ...]]


class Objective:
    """A function J_t(w, λ_J) of the weights and of its own hyperparameters λ_J.

    A dynamics sees J only through g = ∇_w J_t and the products with H = ∇²_ww J, M = ∇²_wλ J:

        value(t, w, lam)                  J_t(w, λ)                          scalar
        grad(t, w, lam)                   g                                  (p,)
        grad_jvp(t, w, lam, dw, dlam)     H dw + M dλ, columns               (p, k)
        grad_vjp(t, w, lam, u)            (u H, u M), row                    (p,), {name: …}
        grad_lam(t, w, lam)               ∂J_t/∂λ, the direct dependence     {name: …}

    t        step number from 1: picks the mini-batch
    w        (p,) weights, dw (p, k) columns of tangents, u (p,) a row of cotangents
    lam      mapping of named blocks; an objective reads its own and ignores the others
    dlam     mapping of tangents (…, k) of some of the blocks; one that is absent is zero
    Cost     each subclass tells that of a product: H and M are never formed
    Source   design of the adjoints: sums of objectives add all of these, term by term
    """

    p: int | None = None  # number of weights; None: any

    def hyper(self, p: int) -> Shapes:
        """Shapes of the blocks of λ_J that this objective reads, for p weights."""
        return {}

    def check_blocks(self, lam: Blocks) -> None:
        """Raise ValueError where a block is outside of what this objective allows."""

    def check_run(self, T: int, p: int) -> None:
        """Raise ValueError where this objective cannot serve T steps on p weights."""

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        raise NotImplementedError

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        raise NotImplementedError

    def grad_jvp(self, t: int, w: Array, lam: Blocks, dw: Array, dlam: Blocks) -> Array:
        raise NotImplementedError

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        raise NotImplementedError

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        return {}

    def terms(self) -> Iterator[Objective]:
        yield self

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        return Sum(*self.terms(), *other.terms())


class Sum(Objective):
    """J = J¹ + J² + …: values, gradients and products add; each term keeps its own blocks of λ.

    parts    objectives; `J + K` is Sum(J, K)
    Raises   ValueError where two terms have blocks of one name, or disagree about p
    Cost     that of the terms
    Exact    to rounding
    Source   the sum rule
    """

    def __init__(self, *parts: Objective):
        self.parts = parts
        sizes = {part.p for part in parts if part.p is not None}
        if len(sizes) > 1:
            raise ValueError(f"sum of objectives: expected one number of weights, found {sizes}")
        self.p = sizes.pop() if sizes else None

    def terms(self) -> Iterator[Objective]:
        yield from self.parts

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

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        return sum(part.grad(t, w, lam) for part in self.parts)  # type: ignore[return-value]

    def grad_jvp(self, t: int, w: Array, lam: Blocks, dw: Array, dlam: Blocks) -> Array:
        products = (part.grad_jvp(t, w, lam, dw, dlam) for part in self.parts)
        return sum(products)  # type: ignore[return-value]

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        rows, blocks = zip(*(part.grad_vjp(t, w, lam, u) for part in self.parts), strict=True)
        return sum(rows), merged(blocks)

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        return merged(part.grad_lam(t, w, lam) for part in self.parts)


def merged(mappings: Iterable[Blocks]) -> Blocks:
    """One mapping of all the blocks; names are distinct, `Sum.hyper` has seen to that."""
    return {name: block for mapping in mappings for name, block in mapping.items()}
