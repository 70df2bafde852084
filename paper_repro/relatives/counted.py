"""An objective that counts its evaluations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hgref.arguments import Array
from hgref.at import At
from hgref.layout import Blocks
from hgref.objectives.objective import Objective, Shapes


class Counted(Objective):
    """J with counters: `gradients`, products with `H` and products with `M`.

    Each column of a jvp counts as a product with H and, if it moves a block of λ, as one with M; a
    vjp counts as one of each.
    """

    def __init__(self, J: Objective):
        self.J, self.p, self.kept = J, J.p, J.kept
        self.same_at_every_step = J.same_at_every_step
        self.gradients = self.H = self.M = 0

    def hyper(self, p: int) -> Shapes:
        return self.J.hyper(p)

    def check_blocks(self, lam: Blocks) -> None:
        self.J.check_blocks(lam)

    def check_run(self, T: int, p: int) -> None:
        self.J.check_run(T, p)

    def terms(self) -> Iterator[Objective]:
        return self.J.terms()

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        return self.J.value(t, w, lam)

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        self.gradients += 1
        exact = self.J.at(t, w, lam)

        def jvp(dw: Array, dlam: Blocks) -> Array:
            columns = dw.shape[1]
            self.H += columns
            self.M += columns if dlam else 0
            return exact.jvp(dw, dlam)

        def vjp(u: Array) -> tuple[Array, Blocks]:
            self.H += 1
            self.M += 1
            return exact.vjp(u)

        return At(exact.value, jvp, vjp)

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        return self.J.grad_lam(t, w, lam)
