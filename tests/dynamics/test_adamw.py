"""AdamW against a loop written from documentation, its relations to Adam, and a zero gradient."""

import numpy as np
import pytest
from strategies import relative

import hgref
from hgref.objectives import L2, LeastSquares, Quadratic

RATES = {"eta": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3}
every_convention = pytest.mark.parametrize("convention", ["torch", "optax", "tf1", "paper"])


def quadratic(seed=0, p=4):
    rng = np.random.default_rng(seed)
    return Quadratic(np.diag(rng.uniform(0.5, 2, p)), rng.standard_normal(p))


def rates(convention, **others):
    return {**RATES, **({"eps_root": 1e-2} if convention == "optax" else {}), **others}


@pytest.mark.parametrize("convention", ["torch", "optax"])
def test_the_run_is_that_of_the_documentation(convention):
    """w ← w − η (m̂ / (√(û + eps_root) + ε) + δ w): both libraries' formula."""
    J, w0 = quadratic(), np.random.default_rng(1).standard_normal(4)
    lam = rates(convention, weight_decay=0.3)
    problem = hgref.Problem(hgref.AdamW(J, convention), J, 20, w0)
    w, m, u = w0, 0.0, 0.0
    for t in range(1, 21):
        g = J.A @ w - J.b
        m, u = 0.9 * m + 0.1 * g, 0.99 * u + 0.01 * g * g
        root = np.sqrt(u / (1 - 0.99**t) + lam.get("eps_root", 0))
        w = w - 0.1 * (m / (1 - 0.9**t) / (root + 1e-3) + 0.3 * w)
    found = problem.dynamics.weights(hgref.reverse(problem, lam).s_T)
    np.testing.assert_allclose(found, w, rtol=1e-12)


def test_decay_alone_has_a_closed_form():
    """No gradient: w_T = w_0 Π (1 − η_t δ_t), with the derivatives of a product."""
    J, T = Quadratic(np.zeros((2, 2)), np.zeros(2)), 4
    E = Quadratic(np.zeros((2, 2)), -np.ones(2))
    problem = hgref.Problem(hgref.AdamW(J), E, T, [2.0, 3.0], learn_w0=True)
    eta, decay = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.5, 0.0, 0.25, 1.0])
    kept = 1 - eta * decay
    for mode in (hgref.reverse, hgref.forward):
        g = mode(problem, {**RATES, "eta": eta, "weight_decay": decay})
        np.testing.assert_allclose(g.f, 5 * kept.prod(), rtol=1e-14)
        np.testing.assert_allclose(g["eta"], -5 * kept.prod() / kept * decay, rtol=1e-13)
        np.testing.assert_allclose(g["weight_decay"], -5 * kept.prod() / kept * eta, rtol=1e-13)
        np.testing.assert_allclose(g["w0"], [kept.prod()] * 2, rtol=1e-14)


@every_convention
def test_without_decay_it_is_adam_to_the_last_bit(convention):
    J, w0 = quadratic() + L2(), np.random.default_rng(1).standard_normal(4)
    adamw, adam = (
        hgref.Problem(make(J, convention), J, 9, w0) for make in (hgref.AdamW, hgref.Adam)
    )
    lam = rates(convention, l2=0.2)
    for mode in (hgref.reverse, hgref.forward):
        mine, other = mode(adamw, {**lam, "weight_decay": 0.0}), mode(adam, lam)
        assert np.array_equal(mine.s_T, other.s_T)
        for name in other:
            assert np.array_equal(mine[name], other[name])
        assert mine["weight_decay"] != 0


@every_convention
def test_a_gradient_that_is_exactly_zero(convention):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6, 3))
    X[:, 0] = 0.0
    J = LeastSquares(X, rng.standard_normal(6), example_weights=True)
    E = Quadratic(np.eye(3), np.ones(3))
    problem = hgref.Problem(hgref.AdamW(J, convention), E, 5, np.ones(3), learn_w0=True)
    lam = problem.pack(**rates(convention, weight_decay=0.3), weights=np.ones(6))
    witness = hgref.witness.complex_step(problem.f, lam)
    assert relative(hgref.reverse(problem, lam).grad, witness) < 1e-11
    assert relative(hgref.forward(problem, lam).grad, witness) < 1e-11
    untouched = hgref.reverse(problem, lam).s_T[-3]
    assert untouched == pytest.approx((1 - 0.1 * 0.3) ** 5, rel=1e-14)


def test_it_is_not_adam_with_a_penalty():
    J = quadratic()
    w0 = np.ones(4)
    decoupled = hgref.reverse(
        hgref.Problem(hgref.AdamW(J), J, 9, w0), rates("torch", weight_decay=0.3)
    )
    coupled = hgref.reverse(
        hgref.Problem(hgref.Adam(J + L2(), "torch"), J, 9, w0), rates("torch", l2=0.3)
    )
    assert relative(decoupled.s_T, coupled.s_T) > 1e-2


def test_bad_rates_are_refused_by_name():
    J = quadratic()
    problem = hgref.Problem(hgref.AdamW(J), J, 3)
    assert list(problem.layout.shapes) == ["eta", "beta1", "beta2", "eps", "weight_decay"]
    with pytest.raises(ValueError, match="weight_decay: expected numbers >= 0, found -0.1"):
        hgref.reverse(problem, rates("torch", weight_decay=-0.1))
    with pytest.raises(ValueError, match="eps: expected numbers >= 0"):
        hgref.reverse(problem, rates("torch", weight_decay=0.1, eps=-1.0))
    with pytest.raises(ValueError, match="missing hyperparameters.*weight_decay"):
        hgref.reverse(problem, RATES)
    with pytest.raises(ValueError, match=r"unknown convention of AdamW 'keras'"):
        hgref.AdamW(J, "keras")
    optax = hgref.Problem(hgref.AdamW(J, "optax"), J, 3).layout.shapes
    assert list(optax) == ["eta", "beta1", "beta2", "eps", "eps_root", "weight_decay"]
