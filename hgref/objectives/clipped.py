"""Gradient clipping: the gradient of an objective, with a bound that is a hyperparameter."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.arguments import Array, require_at_least
from hgref.at import At, as_columns, as_row, as_state
from hgref.layout import Blocks
from hgref.objectives.objective import Objective, Shapes


class Clipped(Objective):
    """The gradient of J, clipped; the bound c is block `clip`, a number.

        by="norm"    g' = g min(1, c / ‖g‖)
                     dg' = c/‖g‖ (dg − g (g·dg) / ‖g‖²) + dc g/‖g‖   where ‖g‖ > c, else dg
        by="value"   g'_j = g_j between −c and c;   dg'_j = sign(g_j) dc where |g_j| > c, else dg_j

    J        an objective, or a sum: clip the sum, or one term, `Clipped(J) + L2()`
    by       "norm" of the whole gradient, or "value" of each coordinate
    returns  an Objective to train on. It has no value: a clipped gradient is none of a function
    Raises   ValueError if J has a block `clip` already, or for another `by`
    Cost     that of J's gradient and products, plus O(p)
    Exact    to rounding
    Beware   at ‖g‖ = c, or |g_j| = c, there is a kink: the derivative is that of g unclipped.
             Differences that cross it are wrong
    Source   Pascanu, Mikolov and Bengio 2013, ICML; torch.nn.utils.clip_grad_norm_ adds 1e-6 to ‖g‖

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [0.0, 0.0])
        >>> problem = hgref.Problem(
        ...     hgref.GradientDescent(hgref.objectives.Clipped(J)), J, T=1, w0=[3.0, 4.0])
        >>> g = hgref.reverse(problem, problem.pack(eta=0.5, clip=1.0))
        >>> g.s_T.round(3).tolist(), g["clip"].round(3).tolist()  # −η ‖w_1‖
        ([2.7, 3.6], -2.25)
    """

    def __init__(self, J: Objective, by: str = "norm"):
        if not isinstance(J, Objective):
            raise TypeError(f"J: expected an objective, found {type(J).__name__}")
        if by not in BOUNDED:
            raise ValueError(f"by: expected one of {list(BOUNDED)}, found {by!r}")
        self.J, self.by = J, by
        self.p, self.w0, self.kept, self.layer_labels = J.p, J.w0, J.kept, J.layer_labels
        self.same_at_every_step = J.same_at_every_step

    def hyper(self, p: int) -> Shapes:
        shapes = self.J.hyper(p)
        if "clip" in shapes:
            raise ValueError("Clipped: J has a block 'clip' already; give it another name")
        return {**shapes, "clip": ()}

    def check_blocks(self, lam: Blocks) -> None:
        require_at_least("clip", lam["clip"], 0)
        self.J.check_blocks(lam)

    def check_run(self, T: int, p: int) -> None:
        self.J.check_run(T, p)

    def read_weights(self, params: Any) -> Array:
        return self.J.read_weights(params)

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        return self.J.grad_lam(t, w, lam)

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        field = self.J.at(t, w, lam)
        g = as_state("grad", self.J, field.value, w.size)
        value, along, back = BOUNDED[self.by](g, lam["clip"])

        def jvp(dw: Array, dlam: Blocks) -> Array:
            return along(as_columns(self.J, field.jvp(dw, dlam), dw), dlam.get("clip"))

        def vjp(u: Array) -> tuple[Array, Blocks]:
            b_g, b_clip = back(u)
            row, share = as_row(self.J, field.vjp(b_g), b_g, self.J.hyper(w.size))
            return row, {**share, "clip": b_clip}

        return At(value, jvp, vjp)


def by_norm(g: Array, c: Any) -> tuple[Array, Any, Any]:
    """(g', the map dg, dc ↦ dg', the map u ↦ (b_g, b_c))."""
    norm = np.sqrt(np.sum(g * g))
    if not np.real(norm) > np.real(c):
        return g, lambda dg, dc: dg, lambda u: (u, np.zeros(()))
    unit = g / norm

    def across(x: Array) -> Array:
        """c/‖g‖ times the part of x across g; symmetric, so it is its own transpose."""
        return c / norm * (x - np.multiply.outer(unit, unit @ x))

    def along(dg: Array, dc: Any) -> Array:
        return across(dg) + (0.0 if dc is None else np.multiply.outer(unit, dc))

    return c * unit, along, lambda u: (across(u), np.asarray(u @ unit))


def by_value(g: Array, c: Any) -> tuple[Array, Any, Any]:
    """The same, coordinate by coordinate."""
    size = np.where(np.real(g) < 0, -1.0, 1.0)
    over = np.real(size * g) > np.real(c)

    def along(dg: Array, dc: Any) -> Array:
        bound = 0.0 if dc is None else np.multiply.outer(size, dc)
        return np.where(over[:, None], bound, dg)

    def back(u: Array) -> tuple[Array, Array]:
        return np.where(over, 0.0, u), np.asarray(np.sum(np.where(over, size * u, 0.0)))

    return np.where(over, c * size, g), along, back


BOUNDED = {"norm": by_norm, "value": by_value}
