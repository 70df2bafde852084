"""Lion: the sign of an averaged gradient."""

from __future__ import annotations

from hgref import laws
from hgref.dynamics.coordinatewise import Coordinatewise, Law


class Lion(Coordinatewise):
    """w_t = (1 − η δ) w_{t-1} − η sign(β1 m_{t-1} + (1−β1) g),   m_t = β2 m_{t-1} + (1−β2) g.

    The sign is piecewise constant, and gradients reach w_t only through it. So the hypergradients
    in β1, β2 and every hyperparameter of J are exactly 0: E(s_T) jumps where a sign changes, and
    is flat in between. Those in η, weight_decay and w0 are exact: A_t is (1 − η δ) I on w.

    over     see Dynamics
    names    eta, beta1, beta2, weight_decay
    state    (m, w), m_0 = 0
    Raises   ValueError if a beta is outside [0, 1), or weight_decay negative
    Cost     that of GradientDescent plus O(p)
    Exact    to rounding, for the signs of the run at λ
    Beware   descent on λ cannot tune blocks whose gradient is 0: tune them with Adam in place of
             Lion. Finite differences across a jump are large, and are not a derivative
    Source   Chen et al. 2023, "Symbolic discovery of optimization algorithms"; as optax.lion

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -1.0])
        >>> problem = hgref.Problem(hgref.Lion(J), J, T=3)
        >>> lam = problem.pack(eta=0.1, beta1=0.9, beta2=0.99, weight_decay=0.0)
        >>> hgref.reverse(problem, lam).grad.round(3).tolist()
        [-4.2, 0.0, 0.0, 0.042]
    """

    state = ("m", "w")
    names = ("eta", "beta1", "beta2", "weight_decay")
    below_one = ("beta1", "beta2")
    positive = ("weight_decay",)
    law = Law(laws.lion_step, laws.lion_jvp, laws.lion_vjp)

    @property
    def rates(self) -> dict[str, str | None]:
        return {"eta": "eta", "beta1": "beta1", "beta2": "beta2", "decay": "weight_decay"}
