"""What an author's own functions return has the expected shape: NumPy would broadcast."""

from typing import Any, ClassVar

import numpy as np
import pytest

import hgref
from hgref.fast import cpu
from hgref.objectives import L2, Quadratic

A = np.array([[2.0, 1.0], [1.0, 3.0]])


class Own(hgref.Dynamics):
    """GD with η; each part can be spoilt."""

    names = ("eta",)
    spoil: ClassVar[dict[str, Any]] = {}

    def step(self, t, s, lam):
        return self.spoil.get("step", lambda x: x)(s - lam["eta"] * self.J.grad(t, s, lam))

    def jvp(self, t, s, lam, ds, dlam):
        dg = self.J.grad_jvp(t, s, lam, ds, dlam)
        moved = ds - lam["eta"] * dg - np.outer(self.J.grad(t, s, lam), dlam.get("eta", 0))
        return self.spoil.get("jvp", lambda x: x)(moved)

    def vjp(self, t, s, lam, alpha):
        uH, uM = self.J.grad_vjp(t, s, lam, -lam["eta"] * alpha)
        row = alpha + uH, {**uM, "eta": -alpha @ self.J.grad(t, s, lam)}
        return self.spoil.get("vjp", lambda x: x)(row)


class OwnLoss(hgref.objectives.Objective):
    """½ wᵀAw + θᵀw; each part can be spoilt."""

    p = 2
    spoil: ClassVar[dict[str, Any]] = {}

    def hyper(self, p):
        return {"theta": (2,)}

    def value(self, t, w, lam):
        return w @ A @ w / 2 + lam["theta"] @ w

    def grad(self, t, w, lam):
        return self.spoil.get("grad", lambda x: x)(A @ w + lam["theta"])

    def grad_jvp(self, t, w, lam, dw, dlam):
        return self.spoil.get("jvp", lambda x: x)(A @ dw + dlam.get("theta", 0 * dw))

    def grad_vjp(self, t, w, lam, u):
        return self.spoil.get("vjp", lambda x: x)((u @ A, {"theta": u}))

    def grad_lam(self, t, w, lam):
        return {"theta": w}


SPOILT = {
    "step": lambda s: s[:1],
    "grad": lambda g: g[:1],
    "jvp": lambda Z: Z[:, :1],
    "vjp": lambda row: (row[0], {}),
    "vjp row": lambda row: (row[0][:1], row[1]),
    "vjp alone": lambda row: row[0],
    "vjp unknown": lambda row: (row[0], {**row[1], "other": 1.0}),
    "vjp shape": lambda row: (row[0], {name: np.zeros(3) for name in row[1]}),
}


@pytest.mark.parametrize("how", [name for name in SPOILT if name != "grad"])
@pytest.mark.parametrize("function", [hgref.reverse, hgref.forward])
def test_a_dynamics_that_would_broadcast_is_refused(how, function):
    what = how.split()[0]
    dynamics = Own(Quadratic(A, [1.0, 0.0]))
    dynamics.spoil = {what: SPOILT[how]}
    problem = hgref.Problem(dynamics, Quadratic(A, [0.0, 0.0]), 3, [1.0, 2.0], learn_w0=True)
    lam = problem.pack(eta=0.1)
    if (what, function) in (("jvp", hgref.reverse), ("vjp", hgref.forward)):
        assert np.isfinite(function(problem, lam).grad).all()  # it is not called
    else:
        with pytest.raises((ValueError, TypeError), match=f"{what} of Own: expected"):
            function(problem, lam)


@pytest.mark.parametrize("how", [name for name in SPOILT if name != "step"])
@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("layer", [hgref, cpu], ids=["readable", "fast"])
def test_an_objective_that_would_broadcast_is_refused(how, beside, layer):
    what, J = how.split()[0], OwnLoss()
    J.spoil = {what: SPOILT[how]}
    dynamics = hgref.Momentum(J + L2() if beside else J)
    problem = hgref.Problem(dynamics, Quadratic(A, [0.0, 0.0]), 3, [1.0, 2.0])
    values = {"eta": 0.1, "mu": 0.5, "theta": [1.0, 2.0], **({"l2": 0.1} if beside else {})}
    function = layer.forward if what == "jvp" else layer.reverse
    with pytest.raises((ValueError, TypeError), match="of OwnLoss: expected|of Momentum: expected"):
        function(problem, values)


def test_a_validation_error_with_a_short_gradient_is_refused():
    E = OwnLoss()
    E.spoil = {"grad": SPOILT["grad"]}
    problem = hgref.Problem(hgref.GradientDescent(Quadratic(A, [0.0, 1.0])), E, 2)
    with pytest.raises(ValueError, match=r"grad of OwnLoss: expected shape \(2,\), found \(1,\)"):
        hgref.reverse(problem, {"eta": 0.1, "theta": [0.0, 0.0]})
