"""Proximal gradient descent: penalties with kinks, and bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import require_at_least
from hgref.dynamics.coordinatewise import Coordinatewise, Law
from hgref.layout import Blocks
from hgref.objectives.objective import Objective

SOFT = Law(laws.soft_step, laws.soft_jvp, laws.soft_vjp)
BOX = Law(laws.box_step, laws.box_jvp, laws.box_vjp)
PENALTIES = {
    "l1": (SOFT, ("eta", "l1")),
    "elastic-net": (SOFT, ("eta", "l1", "l2")),
    "box": (BOX, ("eta", "lo", "hi")),
}


class Proximal(Coordinatewise):
    """w_t = prox(w_{t-1} − η ∇J): a step of descent on J, then the penalty's own minimum.

        "l1"            soft(x, η l1) = sign(x) max(|x| − η l1, 0)         J + l1 ‖w‖₁: the Lasso
        "elastic-net"   soft(x, η l1) / (1 + η l2)                         J + l1 ‖w‖₁ + l2 ‖w‖²/2
        "box"           x, at least lo and at most hi                      J for lo <= w <= hi

    J        the smooth part of the training objective
    penalty  "l1", "elastic-net" or "box"
    over     see Dynamics: over={"l1": "weights"} is a penalty for each weight
    names    "eta" and those of the penalty: l1, or l1 and l2, or lo and hi
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

    law = SOFT

    def __init__(self, J: Objective, penalty: str = "l1", over: Mapping[str, Any] | None = None):
        if penalty not in PENALTIES:
            raise ValueError(f"penalty: expected one of {list(PENALTIES)}, found {penalty!r}")
        self.penalty = penalty
        self.law, self.names = PENALTIES[penalty]
        self.positive = tuple(name for name in self.names if name not in ("lo", "hi"))
        super().__init__(J, over)

    def __repr__(self) -> str:
        return f"Proximal({self.penalty!r})"

    @property
    def rates(self) -> dict[str, str | None]:
        return super().rates if self.penalty == "box" else {"l2": None, **super().rates}

    def check_blocks(self, lam: Blocks) -> None:
        super().check_blocks(lam)
        if self.penalty == "box":
            steps = [len(lam[n]) for n in ("lo", "hi") if "steps" in self.axes(n, lam[n])]
            for t in range(1, max(steps, default=1) + 1):
                ends = self.rates_at(t, lam, ("lo", "hi"))
                require_at_least("hi − lo", np.asarray(ends["hi"] - ends["lo"]), 0)
