"""What an optimizer has to offer to be differentiated: a map Φ_t, its tangent, its cotangent."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.arguments import Array, require_at_least, require_below
from hgref.layout import Blocks
from hgref.objectives.objective import Objective, Shapes


class Dynamics:
    """s_t = Φ_t(s_{t-1}, λ): one step of an optimizer on a training objective J.

        step(t, s, lam)               Φ_t(s, λ)                       (d,)
        jvp(t, s, lam, ds, dlam)      A_t ds + B_t dλ, columns        (d, k)
        vjp(t, s, lam, alpha)         (α A_t, α B_t), row             (d,), {name: …}       eq. (11)

    t        step number, from 1
    s        (d,) state s_{t-1}: accessory blocks first, the weights w last
    lam      mapping of the named blocks of λ; a hyperparameter of the dynamics is a number or a
             schedule (T,), of which step t uses entry t - 1
    ds       (d, k) columns of tangents, dlam mapping of (…, k); an absent block is zero
    alpha    (d,) row of multipliers
    Beware   A_t and B_t are taken at s_{t-1}
    Source   Franceschi et al. 2017, section 2 and eq. (11)
    """

    state: tuple[str, ...] = ("w",)  # blocks of s, w last
    names: tuple[str, ...] = ()  # hyperparameters
    below_one: tuple[str, ...] = ()  # those of them that must lie in [0, 1)
    positive: tuple[str, ...] = ()  # those that must not be negative

    def __init__(self, J: Objective):
        if not isinstance(J, Objective):
            raise TypeError(f"J: expected an objective, found {type(J).__name__}")
        self.J = J

    def hyper(self, p: int) -> Shapes:
        """Shapes of the blocks of λ: the dynamics' numbers, then those of the objective."""
        shapes = self.J.hyper(p)
        for name in self.names:
            if name in shapes:
                raise ValueError(
                    f"J: its block {name!r} has the name of a hyperparameter of "
                    f"{type(self).__name__}; give it another name"
                )
        return {**dict.fromkeys(self.names, ()), **shapes}

    def check_blocks(self, lam: Blocks) -> None:
        """Raise ValueError where a block is outside of what the map allows."""
        for name in self.below_one + self.positive:
            require_at_least(name, lam[name], 0)
        for name in self.below_one:
            require_below(name, lam[name], 1)
        self.J.check_blocks(lam)

    def start(self, w0: Array) -> Array:
        """s_0: accessory variables at zero, weights at w0."""
        rest = np.zeros(w0.size * (len(self.state) - 1), dtype=w0.dtype)
        return np.concatenate([rest, w0])

    def split(self, s: Array) -> Array:
        """The blocks of a state (d,) or of its tangents (d, k), one after the other."""
        return s.reshape(len(self.state), -1, *s.shape[1:])

    def weights(self, s: Array) -> Array:
        """w, the last block of the state."""
        return self.split(s)[-1]

    @property
    def rates(self) -> tuple[str | None, ...]:
        """The hyperparameter behind each number that the laws want to know; None: it is 0."""
        return self.names

    def at(self, t: int, lam: Blocks) -> list[Any]:
        """The values at step t of this dynamics' hyperparameters, in the order of `rates`."""
        return [
            0.0 if n is None else lam[n][t - 1] if lam[n].ndim else lam[n][()] for n in self.rates
        ]

    def tangents_at(self, t: int, lam: Blocks, dlam: Blocks) -> list[Any]:
        """Their tangents at step t, (k,) each, or 0 where dlam does not have them."""
        present = ((n, None if n is None else dlam.get(n)) for n in self.rates)
        return [
            0.0 if n is None or block is None else block[t - 1] if lam[n].ndim else block
            for n, block in present
        ]

    def cotangents_at(self, t: int, lam: Blocks, *shares: Any) -> Blocks:
        """αB_t for them: each weight's share added up, in a schedule at entry t - 1."""
        blocks = {}
        for name, share in zip(self.rates, shares, strict=True):
            if name is None:
                continue
            total = np.asarray(np.sum(share))
            if lam[name].ndim:
                blocks[name] = np.zeros(lam[name].shape, dtype=total.dtype)
                blocks[name][t - 1] = total
            else:
                blocks[name] = total
        return blocks

    def step(self, t: int, s: Array, lam: Blocks) -> Array:
        raise NotImplementedError

    def jvp(self, t: int, s: Array, lam: Blocks, ds: Array, dlam: Blocks) -> Array:
        raise NotImplementedError

    def vjp(self, t: int, s: Array, lam: Blocks, alpha: Array) -> tuple[Array, Blocks]:
        raise NotImplementedError
