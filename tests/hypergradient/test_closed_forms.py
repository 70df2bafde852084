"""Hypergradients that can be worked out on paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import relative

import hgref
from hgref.objectives import L2, LeastSquares, Quadratic


@given(seed=st.integers(0, 10_000), T=st.integers(1, 200))
def test_ridge_regression_by_gradient_descent(seed, T):
    """w_T = Q [(1-r^T)/a] Qᵀb with XᵀX/n = QΛQᵀ, a = Λ + l2, r = 1 - ηa, and its derivatives."""
    rng = np.random.default_rng(seed)
    X, y, target = rng.standard_normal((8, 3)), rng.standard_normal(8), rng.standard_normal(3)
    eigenvalues, Q = np.linalg.eigh(X.T @ X / 8)
    b = Q.T @ X.T @ y / 8
    l2, eta = rng.uniform(0.05, 1), rng.uniform(0.05, 0.9) / (eigenvalues[-1] + 1)
    a = eigenvalues + l2
    r = 1 - eta * a
    w = Q @ ((1 - r**T) / a * b)
    dw_deta = Q @ (T * r ** (T - 1) * b)
    dw_dl2 = Q @ ((T * eta * r ** (T - 1) * a - (1 - r**T)) / a**2 * b)
    E = Quadratic(np.eye(3), target)  # ∇E = w - target
    problem = hgref.Problem(hgref.GradientDescent(LeastSquares(X, y) + L2()), E, T)
    for g in (hgref.reverse(problem, [eta, l2]), hgref.forward(problem, [eta, l2])):
        assert relative(g.s_T, w) < 1e-12
        scale = np.linalg.norm(w - target)
        assert (
            abs(g["eta"] - (w - target) @ dw_deta) < 1e-12 * scale * np.linalg.norm(dw_deta) + 1e-13
        )
        assert abs(g["l2"] - (w - target) @ dw_dl2) < 1e-12 * scale * np.linalg.norm(dw_dl2) + 1e-13


@given(seed=st.integers(0, 10_000), T=st.integers(1, 100))
def test_momentum_modes(seed, T):
    """One eigenmode of a quadratic under momentum is a power of a 3x3 matrix on (w, v, 1)."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0.2, 2, 3), rng.standard_normal(3)
    eta, mu = rng.uniform(0.05, 0.4), rng.uniform(0, 0.95)

    def w_T(eta, mu):
        modes = []
        for a_j, b_j in zip(a, b, strict=True):
            M = np.array(
                [[1 - eta * a_j, -eta * mu, eta * b_j], [a_j, mu, -b_j], [0, 0, 1]], dtype=complex
            )
            modes.append((np.linalg.matrix_power(M, T) @ [0, 0, 1])[0])
        return np.array(modes)

    target = rng.standard_normal(3)
    problem = hgref.Problem(
        hgref.Momentum(Quadratic(np.diag(a), b)), Quadratic(np.eye(3), target), T
    )
    w, h = w_T(eta, mu).real, 1e-30
    slopes = [w_T(eta + 1j * h, mu).imag / h, w_T(eta, mu + 1j * h).imag / h]
    for g in (hgref.reverse(problem, [eta, mu]), hgref.forward(problem, [eta, mu])):
        assert relative(problem.dynamics.weights(g.s_T), w) < 1e-12
        for name, slope in zip(("eta", "mu"), slopes, strict=True):
            scale = 1 + np.linalg.norm(w - target) * np.linalg.norm(slope)
            assert abs(g[name] - (w - target) @ slope) < 1e-12 * scale


@given(T=st.integers(1, 30))
def test_gradient_descent_on_a_scheduled_rate(T):
    """On ½ a w² from w_0 = 1, w_T = Π(1 - a η_t): each η_t has its own derivative."""
    a, eta = 0.7, np.linspace(0.1, 0.9, T)
    dynamics = hgref.GradientDescent(Quadratic([[a]], [0.0]), over={"eta": "steps"})
    problem = hgref.Problem(dynamics, Quadratic([[0.0]], [-1.0]), T, [1.0])
    factors = 1 - a * eta
    expected = -a * np.prod(factors) / factors
    for method in (hgref.reverse, hgref.forward):
        g = method(problem, problem.pack(eta=eta))
        assert g["eta"].shape == (T,)
        np.testing.assert_allclose(g["eta"], expected, rtol=1e-12)


def test_the_start_is_a_hyperparameter():
    """∂w_T/∂w_0 = (I - ηA)^T on a quadratic."""
    A = np.array([[1.0, 0.2], [0.2, 0.5]])
    E = Quadratic(np.zeros((2, 2)), [-1.0, -2.0])
    problem = hgref.Problem(
        hgref.GradientDescent(Quadratic(A, [0.3, 0.1])), E, 9, [0.5, -1.0], learn_w0=True
    )
    expected = np.array([1.0, 2.0]) @ np.linalg.matrix_power(np.eye(2) - 0.1 * A, 9)
    for method in (hgref.reverse, hgref.forward):
        assert method(problem, {"eta": 0.1})["w0"] == pytest.approx(expected, rel=1e-13)


def test_direct_dependence_of_e_on_lambda_is_counted():
    """With η = 0 nothing is learned: what remains of ∇f is ∂E/∂l2 = ½‖w_0‖²."""
    J = Quadratic(np.eye(2), [0.0, 0.0]) + L2()
    problem = hgref.Problem(hgref.GradientDescent(J), J, 3, [3.0, 4.0])
    for method in (hgref.reverse, hgref.forward, hgref.checkpointed):
        assert method(problem, {"eta": 0.0, "l2": 0.1})["l2"] == 12.5
