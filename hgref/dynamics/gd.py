"""Gradient descent."""

from __future__ import annotations

from hgref import laws
from hgref.arguments import Array
from hgref.dynamics.dynamics import Dynamics
from hgref.layout import Blocks


class GradientDescent(Dynamics):
    """w_t = w_{t-1} − η ∇J_t(w_{t-1});   A_t = I − ηH,   B_t = (−∇J_t, −ηM).          eq. (11)

    J        the training objective; with mini-batches this is SGD
    names    eta
    state    (w)
    Cost     step: one gradient; jvp, vjp: one gradient and one product of J
    Exact    to rounding
    Beware   diverges where an eigenvalue of H exceeds 2/η
    Source   Franceschi et al. 2017, section 2 and (PHO)
    """

    names = ("eta",)

    def step(self, t: int, s: Array, lam: Blocks) -> Array:
        (eta,) = self.at(t, lam)
        return laws.gd_step(s, self.J.grad(t, s, lam), eta)

    def jvp(self, t: int, s: Array, lam: Blocks, ds: Array, dlam: Blocks) -> Array:
        (eta,) = self.at(t, lam)
        g = self.J.grad(t, s, lam)
        dg = self.J.grad_jvp(t, s, lam, ds, dlam)
        return laws.gd_jvp(g[:, None], eta, ds, dg, *self.tangents_at(t, lam, dlam))

    def vjp(self, t: int, s: Array, lam: Blocks, alpha: Array) -> tuple[Array, Blocks]:
        (eta,) = self.at(t, lam)
        g = self.J.grad(t, s, lam)
        b_w, b_g, b_eta = laws.gd_vjp(g, eta, alpha)
        uH, uM = self.J.grad_vjp(t, s, lam, b_g)
        return b_w + uH, {**uM, **self.cotangents_at(t, lam, b_eta)}
