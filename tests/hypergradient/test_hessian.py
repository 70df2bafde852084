"""Second derivatives of f against closed forms, differences of its gradient, and their symmetry."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from strategies import KINKED, build, choices, few, pairs

import hgref
from hgref.objectives import L2, LeastSquares, Quadratic, Softmax
from hgref.verify.witness import central_differences


@pytest.mark.parametrize(("dynamics", "objective"), pairs(KINKED))
@few
@given(choice=choices(max_T=6))
def test_it_is_the_difference_of_the_gradient_and_symmetric(dynamics, objective, choice):
    problem, lam = build(dynamics, objective, choice)
    rng = np.random.default_rng(choice.seed + 1)
    u, v = rng.standard_normal((2, lam.size)) * np.abs(lam)
    along, across = (hgref.hessian_product(problem, lam, x) for x in (v, u))
    size = np.linalg.norm(u) * np.linalg.norm(along) + np.linalg.norm(v) * np.linalg.norm(across)
    assert abs(u @ along - v @ across) < 1e-11 * size
    if objective in ("relu", "huber") or dynamics in ("lion", "lasso"):
        return  # differences cross their kinks
    layout = problem.at(lam).layout
    slope = lambda x: float(u @ hgref.reverse(problem, layout.point(x)).grad)  # noqa: E731
    (expected,), (error,) = central_differences(slope, lam, v[:, None])
    assert abs(u @ along - expected) < 1e-6 * abs(expected) + 20 * error


def test_the_limit_of_ridge_regression_in_closed_form():
    """w* = H⁻¹ b with H = XᵀX/n + l2: dw = −H⁻¹ w, d²w = 2 H⁻² w."""
    rng = np.random.default_rng(0)
    X, y, Xv, yv = (rng.standard_normal(shape) for shape in ((20, 3), 20, (9, 3), 9))
    J, E = LeastSquares(X, y, bias=False) + L2(), LeastSquares(Xv, yv, bias=False)
    problem = hgref.Problem(hgref.GradientDescent(J), E, 900)
    H = X.T @ X / 20 + 0.3 * np.eye(3)
    w = np.linalg.solve(H, X.T @ y / 20)
    dw = -np.linalg.solve(H, w)
    d2w = -2 * np.linalg.solve(H, dw)
    row, K = Xv.T @ (Xv @ w - yv) / 9, Xv.T @ Xv / 9
    expected = dw @ K @ dw + row @ d2w
    found = hgref.hessian(problem, {"eta": 0.3, "l2": 0.3}, wrt=["l2"])
    np.testing.assert_allclose(found, [[expected]], rtol=1e-9)


def test_one_step_of_descent_in_closed_form():
    """f = ½ (w_0 (1 − η a))²: ∂²f/∂η² = (a w_0)²,  ∂²f/∂w_0² = (1 − ηa)², −2 a w_0 (1 − ηa)."""
    a, w0, eta = 0.7, 1.5, 0.4
    J, E = Quadratic([[a]], [0.0]), Quadratic([[1.0]], [0.0])
    problem = hgref.Problem(hgref.GradientDescent(J), E, 1, [w0], learn_w0=True)
    keep = 1 - eta * a
    expected = [[(a * w0) ** 2, -2 * a * w0 * keep], [-2 * a * w0 * keep, keep**2]]
    np.testing.assert_allclose(hgref.hessian(problem, [eta, w0]), expected, rtol=1e-13)


def small():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((8, 3)), rng.integers(0, 3, 8)
    J, E = Softmax(X, y, 3, example_weights=True) + L2(), Softmax(X[:5], y[:5], 3)
    problem = hgref.Problem(hgref.Momentum(J), E, 7, rng.standard_normal(12))
    return problem, problem.pack(eta=0.2, mu=0.6, weights=rng.uniform(0.5, 1, 8), l2=0.1)


def test_blocks_of_the_whole_and_products_with_it():
    problem, lam = small()
    H = hgref.hessian(problem, lam)
    assert H.shape == (11, 11)
    np.testing.assert_array_equal(H, H.T)
    chosen = np.array([10, 0, 1])
    part = hgref.hessian(problem, lam, wrt=["l2", "eta", "mu"])
    np.testing.assert_allclose(part, H[np.ix_(chosen, chosen)], rtol=1e-12)
    v = np.random.default_rng(2).standard_normal(11)
    np.testing.assert_allclose(hgref.hessian_product(problem, lam, v), H @ v, rtol=1e-11)
    blocks = {name: v[part] for name, part in lam.layout.slices.items()}
    blocks = {name: np.reshape(blocks[name], s) for name, s in lam.layout.shapes.items()}
    again = hgref.hessian_product(problem, lam, blocks)
    np.testing.assert_array_equal(again, hgref.hessian_product(problem, lam, v))
    assert not hgref.hessian_product(problem, lam, np.zeros(11)).any()
    huge = hgref.hessian_product(problem, lam, 1e200 * v)
    np.testing.assert_allclose(huge, 1e200 * (H @ v), rtol=1e-11)


def test_in_theta():
    """f(exp θ): ∂²f/∂θ² = η² f'' + η f'."""
    J, E = Quadratic([[0.7]], [0.2]), Quadratic([[1.0]], [0.0])
    plain = hgref.Problem(hgref.GradientDescent(J), E, 4, [1.5])
    log = hgref.transforms.Exp("eta")
    problem = hgref.Problem(hgref.GradientDescent(J), E, 4, [1.5], transform=log)
    eta = 0.4
    second, first = hgref.hessian(plain, [eta])[0, 0], hgref.reverse(plain, [eta]).grad[0]
    found = hgref.hessian(problem, [np.log(eta)])[0, 0]
    assert found == pytest.approx(eta**2 * second + eta * first, rel=1e-12)


def test_newton_goes_to_the_minimum_of_f():
    from scipy.optimize import minimize

    J, E = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0]) + L2(), Quadratic(np.eye(2), [0.4, -0.3])
    problem = hgref.Problem(hgref.GradientDescent(J), E, 30, transform=hgref.transforms.Exp("l2"))
    found = minimize(
        hgref.as_scipy(problem), [0.1, -1.0], jac=True, method="trust-exact",
        hess=lambda x: hgref.hessian(problem, x), options={"gtol": 1e-9},
    )  # fmt: skip
    assert found.nit < 40
    assert np.linalg.norm(hgref.reverse(problem, found.x).grad) < 1e-6


def doubled(t, s, lam):
    return {"w": lam["c"] * s["w"]}


class Bent(hgref.Dynamics):
    """A wrong product: the Hessian of what reverse computes is not symmetric."""

    names = ("eta", "mu")

    def step(self, t, s, lam):
        return s - lam["eta"] * lam["mu"] * s**2

    def vjp(self, t, s, lam, alpha):
        moved = lam["eta"] * lam["mu"]
        share = {"eta": -alpha @ s**2 * lam["mu"], "mu": -2 * alpha @ s**2 * lam["eta"]}
        return alpha * (1 - 2 * moved * s), share


def test_refusals_are_sentences():
    E = Quadratic(np.eye(1), [0.3])
    problem = hgref.Problem(hgref.StepMap(doubled, {"w": np.ones(1)}, {"c": ()}), E, 3)
    with pytest.raises(TypeError, match="expected a StepMap with a vjp of your own"):
        hgref.hessian(problem, {"c": 0.8})
    problem, lam = small()
    with pytest.raises(ValueError, match=r"v: expected shape \(11,\), found \(3,\)"):
        hgref.hessian_product(problem, lam, np.ones(3))
    problem = hgref.Problem(Bent(E), E, 3, [1.0])
    with pytest.raises(
        ArithmeticError, match="expected a symmetric matrix, found entries apart by"
    ):
        hgref.hessian(problem, {"eta": 0.1, "mu": 0.5})

    class Real(Quadratic):
        def at(self, t, w, lam):
            return super().at(t, np.array([float(x) for x in w]), lam)

    problem = hgref.Problem(hgref.GradientDescent(Real(np.eye(1), [1.0])), E, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in most programs; the tests make errors of warnings
        with pytest.raises(
            TypeError, match="hessian: expected functions that take complex numbers"
        ):
            hgref.hessian(problem, [0.1])


def test_the_taylor_remainder_of_second_order_falls_as_the_third_power():
    problem, lam = small()
    g, H = hgref.reverse(problem, lam).grad, hgref.hessian(problem, lam)
    for second in (H, lambda v: hgref.hessian_product(problem, lam, v)):
        report = hgref.witness.taylor(problem.f, g, lam, order=2, hessian=second)
        assert report.slope == pytest.approx(3, abs=0.1)
    off = hgref.witness.taylor(problem.f, g, lam, order=2, hessian=1.01 * H)
    assert off.slope == pytest.approx(2, abs=0.1)
    with pytest.raises(ValueError, match="hessian: expected a matrix"):
        hgref.witness.taylor(problem.f, g, lam, order=2)
    with pytest.raises(ValueError, match="order: expected"):
        hgref.witness.taylor(problem.f, g, lam, order=3)
