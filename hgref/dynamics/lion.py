"""Lion: the sign of an averaged gradient."""

from __future__ import annotations

from hgref import laws
from hgref.dynamics.coordinatewise import Coordinatewise, Law


class Lion(Coordinatewise):
    """w_t = (1 − η δ) w_{t-1} − η sign(β1 m_{t-1} + (1−β1) g),   m_t = β2 m_{t-1} + (1−β2) g.

    The sign has derivative 0 wherever it has one. Gradients reach w_t through it alone, so the
    hypergradients in β1, β2 and in every hyperparameter of J are exactly 0: E(s_T) jumps where a
    sign turns, and is flat in between. Those in η, weight_decay and w0 are exact, as A_t is
    (1 − η δ) I on the weights.

    names    eta, beta1, beta2, weight_decay
    state    (m, w), m_0 = 0
    Raises   ValueError where a beta is outside [0, 1), or weight_decay negative
    Cost     that of GradientDescent and O(p)
    Exact    to rounding, for the signs of the run at λ
    Beware   descent on λ learns nothing in the blocks whose gradient is 0: use Adam to tune them.
             Differences that step over a jump are large, and no derivative
    Source   Chen et al. 2023, "Symbolic discovery of optimization algorithms"; as optax.lion

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -1.0])
        >>> problem = hgref.Problem(hgref.Lion(J), J, T=3)
        >>> lam = problem.pack(eta=0.1, beta1=0.9, beta2=0.99, weight_decay=0.0)
        >>> hgref.reverse(problem, lam).grad.round(3).tolist()
        [-4.2, 0.0, 0.0, 0.12]
    """

    state = ("m", "w")
    names = ("eta", "beta1", "beta2", "weight_decay")
    below_one = ("beta1", "beta2")
    positive = ("weight_decay",)
    law = Law(laws.lion_step, laws.lion_jvp, laws.lion_vjp)

    @property
    def rates(self) -> dict[str, str | None]:
        return {"eta": "eta", "beta1": "beta1", "beta2": "beta2", "decay": "weight_decay"}
