"""Gradient descent."""

from __future__ import annotations

from hgref import laws
from hgref.dynamics.coordinatewise import Coordinatewise, Law


class GradientDescent(Coordinatewise):
    """w_t = w_{t-1} − η ∇J_t(w_{t-1});   A_t = I − ηH,   B_t = (−∇J_t, −ηM).          eq. (11)

    J        the training objective; with mini-batches this is SGD
    over     see Dynamics
    names    eta
    state    (w)
    Cost     one gradient of J for a step, then one product of J for its jvp and for its vjp
    Exact    to rounding
    Beware   diverges if an eigenvalue of H exceeds 2/η
    Source   Franceschi et al. 2017, section 2 and (PHO)

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=3)
        >>> hgref.reverse(problem, problem.pack(eta=[0.1, 0.2, 0.1])).grad.round(3).tolist()
        [-2.333, -2.624, -2.333]
    """

    names = ("eta",)
    law = Law(laws.gd_step, laws.gd_jvp, laws.gd_vjp)
