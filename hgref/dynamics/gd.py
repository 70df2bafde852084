"""Gradient descent."""

from __future__ import annotations

from hgref import laws
from hgref.dynamics.coordinatewise import Coordinatewise, Law


class GradientDescent(Coordinatewise):
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
    law = Law(laws.gd_step, laws.gd_jvp, laws.gd_vjp)
