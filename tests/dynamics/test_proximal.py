"""Proximal steps against the complex step, and the Lasso against its closed form on the support."""

import numpy as np
import pytest

import hgref
from hgref.objectives import L2, LeastSquares

rng = np.random.default_rng(0)
X = rng.standard_normal((30, 6))
y = X @ [2.0, -1.5, 0, 0, 1.0, 0] + 0.1 * rng.standard_normal(30)
Xv = rng.standard_normal((20, 6))
yv = Xv @ [2.0, -1.5, 0, 0, 1.0, 0] + 0.1 * rng.standard_normal(20)
POINTS = {
    "l1": {"eta": 0.3, "l1": 0.2},
    "elastic-net": {"eta": 0.3, "l1": 0.2, "l2": 0.1},
    "box": {"eta": 0.3, "lo": -0.7, "hi": 0.9},
}


def lasso(penalty, T, J=None):
    J = LeastSquares(X, y, bias=False) if J is None else J
    return hgref.Problem(hgref.Proximal(J, penalty), LeastSquares(Xv, yv, bias=False), T)


@pytest.mark.parametrize("penalty", POINTS)
@pytest.mark.parametrize("schedule", [False, True])
def test_reverse_and_forward_are_the_complex_step(penalty, schedule):
    J = LeastSquares(X, y, bias=False) + L2(name="ridge")
    problem, point = lasso(penalty, 7, J), {**POINTS[penalty], "ridge": 0.05}
    if schedule:
        point["eta"] = np.linspace(0.3, 0.1, 7)
    lam = problem.pack(**point)
    true = hgref.witness.complex_step(problem.f, lam)
    for algorithm in (hgref.reverse, hgref.forward, hgref.checkpointed):
        np.testing.assert_allclose(algorithm(problem, lam).grad, true, rtol=1e-11, atol=1e-13)
    assert hgref.check(problem, lam, true).verdict == "right"
    assert hgref.witness.adjoint_gap(problem, lam, t=4) < 1e-12


@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_the_lassos_hypergradient_is_the_closed_form_on_its_support(l2):
    """(XᵀX/n + l2) w = Xᵀy/n − l1 sign(w) on the support, so dw/dl1 = −(XᵀX/n + l2)⁻¹ sign(w)."""
    problem = lasso("elastic-net", 600)
    g = hgref.reverse(problem, {"eta": 0.3, "l1": 0.2, "l2": l2})
    w = g.s_T
    on = w != 0
    assert 0 < on.sum() < 6
    K = X[:, on].T @ X[:, on] / len(y) + l2 * np.eye(on.sum())
    row = Xv[:, on].T @ (Xv @ w - yv) / len(yv)
    assert g["l1"] == pytest.approx(-row @ np.linalg.solve(K, np.sign(w[on])), rel=1e-9)
    assert g["l2"] == pytest.approx(-row @ np.linalg.solve(K, w[on]), rel=1e-9)
    assert abs(g["eta"]) < 1e-9


def test_what_is_refused():
    J = LeastSquares(X, y, bias=False)
    with pytest.raises(ValueError, match="penalty: expected one of"):
        hgref.Proximal(J, "l0")
    for bad in ({"eta": 0.1, "l1": -1.0}, {"eta": -0.1, "l1": 0.1}):
        with pytest.raises(ValueError, match="l1|eta"):
            hgref.reverse(lasso("l1", 2), bad)
    with pytest.raises(ValueError, match="hi − lo"):
        hgref.reverse(lasso("box", 2), {"eta": 0.1, "lo": 1.0, "hi": 0.0})
