"""What `decay` measures against closed forms, and what it foretells against runs of `truncated`."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import KINKED, build, choices, few, pairs

import hgref
from hgref.hypergradient import Decay
from hgref.layout import Layout
from hgref.objectives import L2, LeastSquares, Quadratic

ETA = 0.2


def one_mode(a, T=30):
    """Every eigenvalue of J is a: A_t = (1 - ηa) I."""
    rng = np.random.default_rng(0)
    J = Quadratic(a * np.eye(3), rng.standard_normal(3))
    E = Quadratic(np.eye(3), rng.standard_normal(3))
    return hgref.Problem(hgref.GradientDescent(J), E, T, rng.standard_normal(3))


@pytest.mark.parametrize("a", [0.3, 2.0, 4.0, 6.0, -0.5])
def test_one_mode_by_its_closed_form(a):
    problem, r = one_mode(a), abs(1 - ETA * a)
    found = hgref.decay(problem, [ETA])
    w_T = hgref.reverse(problem, [ETA]).s_T
    last = np.linalg.norm(problem.E.grad(30, w_T, {}))
    np.testing.assert_allclose(found.alpha, last * r ** np.arange(29, -1, -1.0), rtol=1e-12)
    assert found.rate == pytest.approx(r, rel=1e-12)


@pytest.mark.parametrize("a", [-0.5, 0.0])
def test_where_alpha_does_not_shrink_it_says_so(a):
    found = hgref.decay(one_mode(a), [ETA])
    assert found.rate >= 1
    assert f"multiplies ‖α_t‖ by {1 - ETA * a:.4g}: the start of training matters most, " in str(
        found
    )
    assert "truncation is hopeless" in str(found)


@pytest.mark.parametrize(("dynamics", "objective"), pairs(KINKED))
@few
@given(choice=choices(max_T=12))
def test_what_is_dropped_is_what_truncated_lacks(dynamics, objective, choice):
    problem, lam = build(dynamics, objective, choice)
    found, true = hgref.decay(problem, lam), hgref.reverse(problem, lam)
    assert np.array_equal(found.grad, true.grad)
    assert found.alpha.shape == found.dropped.shape == (problem.T,)
    assert found.dropped[-1] == 0
    noise = 1e-13 * np.linalg.norm(true.grad) + 1e-15
    for K in range(1, problem.T + 1):
        short = hgref.truncated(problem, lam, K)
        lacks = np.linalg.norm(true.grad - short.grad)
        assert found.dropped[K - 1] == pytest.approx(lacks, rel=1e-10, abs=noise)
        for name, of_block in found.blocks.items():
            lacks = np.linalg.norm(true[name] - short[name])
            assert of_block[K - 1] == pytest.approx(lacks, rel=1e-10, abs=noise)


@few
@given(choice=choices(max_T=12))
def test_norms_of_alpha_are_those_of_products_of_jacobians(choice):
    problem, lam = build("momentum", "logistic", choice)
    blocks = problem.at(lam).lam
    states = list(problem.states(blocks))
    alpha, _ = problem.error_grad(problem.T, states[-1], blocks)
    found = hgref.decay(problem, lam)
    for t in range(problem.T, 0, -1):
        assert found.alpha[t - 1] == pytest.approx(np.linalg.norm(alpha), rel=1e-11)
        alpha = alpha @ hgref.jacobians.A(problem, t, states[t - 1], lam)


@few
@given(choice=choices(max_T=12), tol=st.floats(1e-6, 2.0))
def test_k_is_the_least_from_which_on_all_drop_less(choice, tol):
    problem, lam = build("momentum", "with-l2", choice)
    g = hgref.reverse(problem, lam).grad
    runs = [hgref.truncated(problem, lam, k).grad for k in range(1, problem.T + 1)]
    shares = [np.linalg.norm(g - run) / np.linalg.norm(g) for run in runs]
    K = hgref.decay(problem, lam).K(tol)
    assert max(shares[K - 1 :]) <= tol * (1 + 1e-9)
    assert K == 1 or shares[K - 2] > tol * (1 - 1e-9)


def made(alpha, dropped=(3.0, 0.5, 0.9, 0.0), grad=(3.0, 4.0)):
    layout = Layout({"eta": (), "l2": ()})
    dropped = np.array(dropped)
    blocks = {"eta": dropped, "l2": 0 * dropped}
    return Decay(np.array(alpha, float), dropped, blocks, np.array(grad), layout)


def test_k_looks_beyond_a_dip():
    """K = 2 drops 0.5, but K = 3 drops 0.9 again."""
    found = made([1.0] * 4)
    assert [found.K(tol) for tol in (1, 0.6, 0.2, 0.19, 0.12, 0.0)] == [1, 1, 2, 2, 4, 4]
    assert found.lost(2) == {"eta": 0.5 / 3, "l2": 0}
    with pytest.raises(ValueError, match="tol: expected numbers >= 0, found -0.1"):
        found.K(-0.1)
    with pytest.raises(ValueError, match="K: expected an integer from 1 to 4, found 5"):
        found.lost(5)


def test_the_rate_is_blind_to_outliers_and_to_rounding():
    steps = np.arange(2000)
    alpha = 5 * 0.9**steps
    assert made(alpha[:400][::-1]).rate == pytest.approx(0.9, rel=1e-12)
    assert made((alpha + 1e-17)[::-1]).rate == pytest.approx(0.9, rel=1e-2)  # flat from 390 on
    outliers = np.where(np.random.default_rng(1).random(2000) < 0.1, 50 * alpha, alpha)
    assert made(outliers[:300][::-1]).rate == pytest.approx(0.9, rel=1e-12)


@pytest.mark.parametrize(
    ("alpha", "rate"),
    [
        ([2], math.nan),
        ([0, 0], math.nan),
        ([0, 1], 0.0),
        ([0, 0, 1], 0.0),
        ([4, 2], 2.0),
        ([1, 2], 0.5),
    ],
)
def test_rates_of_the_shortest_runs(alpha, rate):
    assert made(alpha).rate == pytest.approx(rate, nan_ok=True)
    assert str(made(alpha)).count("\n") == 4


def test_of_a_block_without_a_gradient_nothing_is_lost():
    """μ has none: the velocity is 0 at w_0, where ∇J is."""
    J, E = Quadratic(np.eye(1), [0.0]), Quadratic(np.eye(1), [1.0])
    problem = hgref.Problem(hgref.Momentum(J), E, 5, learn_w0=True)
    found = hgref.decay(problem, {"eta": 0.1, "mu": 0.5, "w0": [0.0]})
    lost = found.lost(2)
    assert lost["mu"] == lost["eta"] == 0
    assert lost["w0"] == 1


def test_it_is_read_as_it_is_printed():
    """η acts at every step, w_0 only at the start: a K that suits ∇f may drop all of w0."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 4))
    J = LeastSquares(X, X @ rng.standard_normal(4)) + L2()
    E = LeastSquares(rng.standard_normal((20, 5))[:, :4], rng.standard_normal(20))
    problem = hgref.Problem(hgref.GradientDescent(J), E, 100, learn_w0=True)
    found = hgref.decay(problem, {"eta": 0.1, "l2": 0.1})
    lines = str(found).splitlines()
    forgotten = math.log(0.5) / math.log(found.rate)
    assert lines[0] == (
        f"each step back multiplies ‖α_t‖ by {found.rate:.4g}: half of α is forgotten in "
        f"{forgotten:.3g} steps"
    )
    assert lines[1].split() == ["dropped", "at", "most", "K", "of", "100", "eta", "l2", "w0"]
    for line, tol in zip(lines[2:], (0.1, 0.01, 0.001), strict=True):
        assert line.split()[2] == str(found.K(tol))
        assert line.endswith("100 %")
        assert found.lost(found.K(tol))["w0"] == pytest.approx(1)
    assert 1 < found.K(0.1) < found.K(0.01) < found.K(0.001) < 100
    g = hgref.truncated(problem, {"eta": 0.1, "l2": 0.1}, K=found.K(1e-3))
    assert np.linalg.norm(g.grad - found.grad) <= 1e-3 * np.linalg.norm(found.grad)


def test_a_run_that_leaves_the_finite_numbers_is_refused():
    problem = one_mode(-1e9, T=60)
    with pytest.raises(hgref.Diverged):
        hgref.decay(problem, [1.0])


def test_a_gradient_that_overflows_alone_is_refused():
    """α_1 = 1e150 and g = 1e159 are finite, ∂f/∂η = −α_1 g is not."""
    J = hgref.objectives.Quadratic([[1.0]], [0.0])
    E = hgref.objectives.Quadratic([[0.0]], [-1e150])
    problem = hgref.Problem(hgref.GradientDescent(J), E, 1, [1e159])
    with pytest.raises(hgref.Diverged, match="∇f left the finite numbers .* block 'eta'"):
        hgref.decay(problem, {"eta": 1.0})


def test_multipliers_whose_squares_overflow():
    Q = hgref.objectives.Quadratic
    problem = hgref.Problem(
        hgref.GradientDescent(Q([[0.5]], [0.0])), Q([[0.0]], [-1e200]), 3, [1.0]
    )
    np.testing.assert_allclose(hgref.decay(problem, [1.0]).alpha, [2.5e199, 5e199, 1e200])


def test_the_validation_error_of_the_last_step_is_the_one_that_is_followed():
    """E has mini-batches of its own: ∇E at T, not at another step."""
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((12, 3)), rng.standard_normal(12)
    J = hgref.objectives.LeastSquares(X, y)
    E = hgref.objectives.LeastSquares(X, y, batches=rng.integers(0, 12, (6, 2)))
    problem = hgref.Problem(hgref.GradientDescent(J), E, 6)
    found = hgref.decay(problem, [0.1])
    np.testing.assert_allclose(found.grad, hgref.reverse(problem, [0.1]).grad, rtol=1e-12)
    for K in (1, 3, 6):
        drop = hgref.reverse(problem, [0.1]).grad - hgref.truncated(problem, [0.1], K).grad
        assert found.dropped[K - 1] == pytest.approx(np.linalg.norm(drop), rel=1e-9, abs=1e-15)
