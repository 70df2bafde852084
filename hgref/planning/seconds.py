"""How long hgref.fast.cpu takes for a step of training, of Z and of α."""

from __future__ import annotations

import itertools

from hgref.planning.memory import copied
from hgref.planning.passes import ALONE, MANY
from hgref.planning.rates import Rates
from hgref.planning.sizes import Data, Sizes


class Seconds:
    """Of the parts of a hypergradient, for a problem in numbers.

    A pass multiplies every number of X by a panel of columns and pulls as many back; each layer
    above it has three products to make a gradient, and twice as many for a tangent of it.

    sizes     the problem;  itemsize: bytes of a number in the products with the data
    rates     of the machine, for this itemsize
    """

    def __init__(self, sizes: Sizes, itemsize: int, rates: Rates):
        self.sizes, self.itemsize, self.rates = sizes, itemsize, rates

    def step(self) -> float:
        """s_t = Φ_t(s_{t-1}, λ)."""
        return self.passes(1, 1, layers=3) + self.loops(1)

    def tangents(self, m: int) -> float:
        """s_t and Z_t = A_t Z_{t-1} + B_t (14), m columns."""
        return self.passes(1 + m, 1 + m, layers=3 + 6 * m, k=m) + self.loops(1 + m)

    def adjoint(self, recompute: bool) -> float:
        """α_{t-1} = α_t A_t and α_t B_t (8), (10); predictions kept, or computed again."""
        again = int(recompute)
        return self.passes(1 + again, 1, layers=6 + 2 * again) + self.loops(1)

    def once(self, k: int) -> float:
        """The data, as compiled loops want them; E and its gradient, by the readable layer."""
        anew = sum(copied(one, k, self.itemsize) for one in self.sizes.J)
        error = sum(self.products(one, 1, 1, 3) for one in self.sizes.E)
        return self.rates.call + self.rates.copied * anew + error

    def passes(self, into: int, out: int, layers: int, k: int = 1) -> float:
        """One over all data losses: panels go into it, and come out of it."""
        rates, total = self.rates, 0.0
        for one in self.sizes.J:
            if one.form(k) == "small":
                total += rates.small + self.products(one, into, out, layers)
                continue
            alone = one.seen * into * one.widths[1] < ALONE
            threads = 1 if alone else rates.threads
            total += rates.threaded + self.products(one, into, out, layers) / threads
        return total

    def products(self, one: Data, into: int, out: int, layers: int) -> float:
        """Of one data loss."""
        rates, sparse = self.rates, one.nonzeros is not None
        first = one.seen * sum(rates.a_number(c * one.widths[1], sparse) for c in (into, out))
        above = itertools.pairwise(one.widths[1:])
        return first + layers * sum(one.B * a * rates.a_number(b, False) for a, b in above)

    def loops(self, columns: int) -> float:
        """Over the weights: laws of a dynamics, penalties, sums; more where s has more blocks."""
        s = self.sizes
        threads = 1 if s.p < MANY else self.rates.threads
        matrix = 0.0 if not s.quadratic else s.p**2 * self.rates.a_number(columns, False)
        return matrix + s.p * self.rates.weight * columns * (1 + s.state) / 2 / threads
