"""Proximal gradient descent: penalties with kinks, and bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.arguments import Array, require_at_least
from hgref.at import At, as_columns, as_row, as_state
from hgref.dynamics.dynamics import Dynamics, Numbers
from hgref.layout import Blocks
from hgref.objectives.objective import Objective

NAMES = {
    "l1": ("eta", "l1"),
    "elastic-net": ("eta", "l1", "l2"),
    "box": ("eta", "lo", "hi"),
}


class Proximal(Dynamics):
    """w_t = prox(w_{t-1} − η ∇J): a step of descent on J, then the penalty's own minimum.

        "l1"            soft(x, η l1) = sign(x) max(|x| − η l1, 0)         J + l1 ‖w‖₁: the Lasso
        "elastic-net"   soft(x, η l1) / (1 + η l2)                         J + l1 ‖w‖₁ + l2 ‖w‖²/2
        "box"           x, at least lo and at most hi                      J for lo <= w <= hi

    J        the smooth part of the training objective
    penalty  "l1", "elastic-net" or "box"
    names    "eta" and those of the penalty: l1, or l1 and l2, or lo and hi; each a number or a
             schedule (T,)
    Raises   ValueError for another penalty, and for a negative eta, l1 or l2
    Cost     that of J.at and its products plus O(p)
    Exact    to rounding where w is not at a kink
    Beware   a weight that is 0 stays there for small changes of λ, so its row of A_t and B_t is 0;
             at |x| = η l1 exactly, the same is returned, and there is no derivative
    Source   Beck and Teboulle 2009, SIAM J. Imaging Sciences 2 (ISTA); Bertrand et al. 2020, ICML,
             for the hypergradient of the Lasso

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [3.0, 0.1])
        >>> problem = hgref.Problem(hgref.Proximal(J), J, T=100)
        >>> g = hgref.reverse(problem, problem.pack(eta=0.5, l1=1.0))
        >>> g.s_T.round(6).tolist(), g["l1"].round(6).tolist()  # w = b − l1 on the support
        ([2.0, 0.0], 1.0)
    """

    def __init__(self, J: Objective, penalty: str = "l1"):
        super().__init__(J)
        if penalty not in NAMES:
            raise ValueError(f"penalty: expected one of {list(NAMES)}, found {penalty!r}")
        self.penalty, self.names = penalty, NAMES[penalty]

    def __repr__(self) -> str:
        return f"Proximal({self.penalty!r})"

    def check_blocks(self, lam: Blocks) -> None:
        for name in self.names:
            if name not in ("lo", "hi"):
                require_at_least(name, lam[name], 0)
        if self.penalty == "box":
            require_at_least("hi − lo", np.asarray(lam["hi"] - lam["lo"]), 0)
        self.J.check_blocks(lam)

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        n, field = self.rates_at(t, lam), self.J.at(t, s, lam)
        g = as_state("grad", self.J, field.value, s.size)
        value, dx_slope, slopes = self.prox(s - n["eta"] * g, n)

        def jvp(ds: Array, dlam: Blocks) -> Array:
            dg = as_columns(self.J, field.jvp(ds, dlam), ds)
            d = {name: self.entry(t, lam[name], dlam.get(name)) for name in self.names}
            dx = ds - n["eta"] * dg - np.multiply.outer(g, d["eta"])
            direct = sum(np.multiply.outer(slopes[name], d[name]) for name in self.names)
            return dx_slope[:, None] * dx + direct

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            b_x = dx_slope * alpha
            uH, uM = as_row(self.J, field.vjp(-n["eta"] * b_x), b_x, self.J.hyper(s.size))
            b: dict[str, Any] = {name: alpha @ slopes[name] for name in self.names}
            b["eta"] = b["eta"] - b_x @ g
            return b_x + uH, {**uM, **{m: self.block(t, lam[m], b[m]) for m in self.names}}

        return At(value, jvp, vjp)

    def prox(self, x: Array, n: Numbers) -> tuple[Array, Array, Blocks]:
        """(prox(x), its slope in x, its slopes in the numbers), coordinate by coordinate."""
        if self.penalty == "box":
            low, high = np.real(x) < np.real(n["lo"]), np.real(x) > np.real(n["hi"])
            value = np.where(low, n["lo"], np.where(high, n["hi"], x))
            slopes = {"eta": 0.0 * low, "lo": 1.0 * low, "hi": 1.0 * (high & ~low)}
            return value, 1.0 * ~(low | high), slopes
        eta, l1, l2 = n["eta"], n["l1"], n.get("l2", 0.0)
        sign = np.sign(np.real(x))
        support = np.real(sign * x) > np.real(eta * l1)
        on, shrunk = 1.0 * support, 1.0 / (1 + eta * l2)
        value = np.where(support, (x - sign * eta * l1) * shrunk, 0.0)
        slopes = {
            "eta": -on * sign * l1 * shrunk - value * l2 * shrunk,
            "l1": -on * sign * eta * shrunk,
            "l2": -value * eta * shrunk,
        }
        return value, on * shrunk, slopes
