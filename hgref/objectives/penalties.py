"""Penalties on the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array, asarray, require_shape
from hgref.at import At
from hgref.layout import Blocks
from hgref.objectives.objective import Objective, Shapes


class L2(Objective):
    """Ω(w, l2) = ½ Σ_j l2_{group(j)} w_j²; without groups ½·l2·‖w‖².

        g_j = l2_j w_j,     H = diag(l2),     M dl2 = w ∘ dl2,     ∂Ω/∂l2 = ½ Σ_{j in group} w_j²

    groups   None: one coefficient, block `l2` of shape ();
             "weight": one for every weight, shape (p,);
             (p,) integers: weight j has coefficient number groups[j] (one for each block:
             `block_labels` of a linear model or MLP; one for each layer: MLP's `layer_labels`)
    name     the name of the block in λ
    Cost     O(p)
    Exact    to rounding
    Beware   coupled decay: it enters g and therefore momentum and Adam's averages (torch.optim's
             `weight_decay`, not AdamW's)
    Source   Franceschi et al. 2017, section 2 ("e.g. the regularized average training loss")

    Example
        >>> J = hgref.objectives.L2(groups=[0, 0, 1])
        >>> J.grad(1, np.array([1.0, 2.0, 3.0]), {"l2": np.array([0.5, 2.0])}).tolist()
        [0.5, 1.0, 6.0]
    """

    same_at_every_step = True

    def __init__(self, groups: Any = None, name: str = "l2"):
        if not (isinstance(name, str) and name):
            raise TypeError(f"name: expected the name of a block, found {name!r}")
        self.name = name
        self.per_weight = isinstance(groups, str)
        if self.per_weight and groups != "weight":
            raise ValueError(f"groups: expected None, 'weight' or integers (p,), found {groups!r}")
        self.groups = None
        if groups is not None and not self.per_weight:
            self.groups = read_groups(groups)
            self.p = self.kept = len(self.groups)  # `at` keeps a coefficient for each weight

    def hyper(self, p: int) -> Shapes:
        if self.per_weight:
            return {self.name: (p,)}
        return {self.name: () if self.groups is None else (int(self.groups.max()) + 1,)}

    def each(self, l2: Array) -> Array:
        """The coefficient of every weight, (p, …) or a scalar."""
        return l2 if self.groups is None else l2[self.groups]

    def gather(self, share: Array) -> Array:
        """The transpose of `each`: shares of the weights (p,), summed by coefficient."""
        if self.per_weight:
            return share
        if self.groups is None:
            return share.sum()
        total = np.zeros(int(self.groups.max()) + 1, dtype=share.dtype)
        np.add.at(total, self.groups, share)
        return total

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        return (self.each(lam[self.name]) * w * w).sum() / 2

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        l2 = self.each(lam[self.name])

        def jvp(dw: Array, dlam: Blocks) -> Array:
            dl2 = self.each(dlam[self.name]) if self.name in dlam else 0
            return laws.l2_jvp(np.reshape(l2, (-1, 1)), w[:, None], dw, dl2)

        def vjp(u: Array) -> tuple[Array, Blocks]:
            uH, uM = laws.l2_vjp(l2, w, u)
            return uH, {self.name: self.gather(uM)}

        return At(laws.l2_grad(l2, w), jvp, vjp)

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        return {self.name: self.gather(w * w) / 2}


def read_groups(groups: Any) -> Array:
    labels = asarray("groups", groups)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"groups: expected integers (p,), found dtype {labels.dtype}")
    require_shape("groups", labels.shape, ("p",))
    if labels.size == 0 or labels.min() < 0 or labels.max() >= labels.size:
        raise ValueError(f"groups: expected numbers from 0 to p - 1, for p = {labels.size} weights")
    return labels
