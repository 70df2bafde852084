"""RTHO: the path it takes is replayed, and its Z judged by a complex step along that path."""

import numpy as np
import pytest
from hypothesis import given
from strategies import DYNAMICS, build, choices, few, relative

import hgref
from hgref.constraints import Box, NonNegative, Product
from hgref.outer import GradientDescent


def replay(problem, lams, every, t_end, shift):
    """s_t of training under the λ path, each λ moved by `shift`: what Z_t is the derivative of."""
    layout = problem.layout
    s = problem.start(layout.split(lams[0] + shift))
    for t in range(1, t_end + 1):
        s = problem.step(t, s, layout.split(lams[(t - 1) // every] + shift))
    return s


@pytest.mark.parametrize("dynamics", DYNAMICS)
@few
@given(choice=choices(max_T=12))
def test_every_update_follows_the_partial_hypergradient_of_the_path(dynamics, choice):
    problem, _ = build(dynamics, "with-l2", choice)
    rng = np.random.default_rng(choice.seed + 4)
    from strategies import point

    lam, every, rate = point(problem, rng), 1 + choice.seed % problem.T, 1e-4
    run = hgref.realtime(problem, lam, every=every, outer=GradientDescent(rate))
    assert run.t.tolist() == list(range(every, problem.T + 1, every))
    assert run.lam.shape == (len(run.t) + 1, lam.size)
    assert run.f.shape == run.t.shape
    s_T = replay(problem, run.lam, every, problem.T, 0 * lam)
    np.testing.assert_allclose(run.s_T, s_T, rtol=1e-13)
    for u, t in enumerate(run.t):
        assert run.f[u] == pytest.approx(
            problem.error(t, replay(problem, run.lam, every, t, 0 * lam),
                          problem.layout.split(run.lam[u])), rel=1e-12)  # fmt: skip

        def f_t(shift, u=u, t=t):
            s = replay(problem, run.lam, every, t, shift)
            return problem.error(t, s, problem.layout.split(run.lam[u] + shift))

        grad = hgref.witness.complex_step(f_t, np.zeros(lam.size))
        moved = (run.lam[u] - run.lam[u + 1]) / rate
        assert relative(moved, grad) < 1e-9  # the difference of two λ costs digits


def test_the_first_update_at_the_end_is_one_exact_step():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 3)), rng.integers(0, 2, 20)
    J, E = hgref.objectives.Logistic(X, y), hgref.objectives.Logistic(X[:9], y[:9])
    problem = hgref.Problem(hgref.Momentum(J), E, 15)
    run = hgref.realtime(problem, {"eta": 0.1, "mu": 0.5}, every=15, outer=GradientDescent(0.1))
    g = hgref.reverse(problem, [0.1, 0.5])
    np.testing.assert_allclose(run.last, [0.1, 0.5] - 0.1 * g.grad, rtol=1e-12)
    assert run.f[0] == pytest.approx(g.f, rel=1e-14)


def test_it_learns_a_rate_from_zero_and_stays_in_its_set():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 3)), rng.integers(0, 2, 40)
    J, E = hgref.objectives.Logistic(X, y), hgref.objectives.Logistic(X[:9], y[:9])
    problem = hgref.Problem(hgref.Momentum(J), E, 300)
    inside = Product(problem, eta=NonNegative(), mu=Box(0, 0.9))
    start = {"eta": 0.0, "mu": 0.0}
    seen = []
    run = hgref.realtime(
        problem,
        start,
        every=10,
        outer=hgref.outer.Adam(0.02),
        project=inside.project,
        progress=lambda steps: (seen.append(t) or t for t in steps),
    )
    assert seen == list(range(1, 301))
    assert run.f[-1] < problem.f(start)
    assert run["eta"][-1] > 0
    assert all(inside.contains(lam) for lam in run.lam)
    assert run["eta"].shape == (31,)


def test_only_the_blocks_asked_for_move():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 3)), rng.standard_normal(20)
    J = hgref.objectives.LeastSquares(X, y, example_weights=True) + hgref.objectives.L2()
    problem = hgref.Problem(hgref.Adam(J), hgref.objectives.LeastSquares(X, y), 20)
    lam = problem.pack(
        eta=0.1, beta1=0.9, beta2=0.99, eps=0.1, l2=0.3, weights=rng.uniform(0, 1, 20)
    )
    steps = GradientDescent(0.01)
    some = hgref.realtime(problem, lam, every=20, outer=steps, wrt=["l2", "eta"])
    full = hgref.realtime(problem, lam, every=20, outer=steps)
    for name in problem.layout.shapes:
        if name in ("l2", "eta"):
            np.testing.assert_allclose(some[name], full[name], rtol=1e-12)
        else:
            assert np.array_equal(some[name][0], some[name][1])
            assert not np.array_equal(full[name][0], full[name][1])


def test_a_path_of_an_unknown_block_is_refused():
    J = hgref.objectives.Quadratic(np.eye(2), np.ones(2))
    path = hgref.realtime(hgref.Problem(hgref.GradientDescent(J), J, 2), {"eta": 0.1}, every=1)
    with pytest.raises(ValueError, match="mu"):
        path["mu"]


def test_bad_hyper_batches_are_refused():
    J = hgref.objectives.Quadratic([[1.0]], [1.0])
    problem = hgref.Problem(hgref.GradientDescent(J), J, 5)
    for every in (0, 6):
        with pytest.raises(
            ValueError, match=f"every: expected an integer from 1 to 5, found {every}"
        ):
            hgref.realtime(problem, [0.1], every=every)
    with pytest.raises(ValueError, match=r"project\(lam\): expected shape \(1,\), found \(2,\)"):
        hgref.realtime(problem, [0.1], every=1, project=lambda lam: np.zeros(2))


def test_the_path_under_adam_and_a_projection_is_that_of_a_loop_by_hand():
    """η starts outside of Λ, meets its upper end, and Adam remembers from update to update."""
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((20, 3)), rng.integers(0, 2, 20)
    J, E = hgref.objectives.Logistic(X, y), hgref.objectives.Logistic(X[:9], y[:9])
    problem = hgref.Problem(hgref.Momentum(J), E, 12)
    rate, every = 0.02, 2

    def project(lam):
        return np.clip(lam, [0.0, 0.0], [0.24, 0.9])

    run = hgref.realtime(
        problem, [0.3, 0.5], every=every, outer=hgref.outer.Adam(rate), project=project
    )
    lams, m, u = [project(np.array([0.3, 0.5]))], 0.0, 0.0
    assert lams[0][0] == 0.24
    for k in range(1, 7):
        t = every * k

        def f(shift, lams=tuple(lams), t=t):
            return problem.error(t, replay(problem, lams, every, t, shift), lams[-1])

        grad = hgref.witness.complex_step(f, np.zeros(2))
        m, u = 0.9 * m + 0.1 * grad, 0.999 * u + 0.001 * grad**2
        direction = m / (1 - 0.9**k) / (np.sqrt(u / (1 - 0.999**k)) + 1e-8)
        lams.append(project(lams[-1] - rate * direction))
    np.testing.assert_allclose(run.lam, lams, rtol=1e-9)
    assert np.array_equal(run.last, run.lam[-1])
    assert np.array_equal(run["mu"], run.lam[:, 1])


def test_an_update_that_leaves_the_domain_is_refused():
    J = hgref.objectives.LeastSquares(np.eye(2), [1.0, 1.0], example_weights=True)
    problem = hgref.Problem(
        hgref.GradientDescent(J), hgref.objectives.LeastSquares(np.eye(2), [-1, -1]), 4
    )
    lam = {"eta": 0.5, "weights": [0.01, 0.01]}
    with pytest.raises(ValueError, match="weights: expected numbers >= 0"):
        hgref.realtime(problem, lam, every=1, outer=GradientDescent(1.0))
    with pytest.raises(ValueError, match="weights: expected numbers >= 0"):
        hgref.realtime(problem, {**lam, "weights": [-1.0, 1.0]}, every=1)


# --- discounted ---


def test_without_a_discount_it_is_rtho_to_the_last_bit():
    problem, lam = discounted_problem()
    plain = hgref.realtime(problem, lam, every=2)
    same = hgref.realtime(problem, lam, every=2, discount=1.0)
    np.testing.assert_array_equal(plain.lam, same.lam)
    assert not np.array_equal(plain.lam, hgref.realtime(problem, lam, every=2, discount=0.9).lam)


def discounted_problem():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((12, 3)), rng.standard_normal(12)
    J = hgref.objectives.LeastSquares(X, y, bias=False)
    problem = hgref.Problem(hgref.GradientDescent(J), J, 12, rng.standard_normal(3))
    return problem, problem.pack(eta=0.05)


def test_with_discount_zero_it_is_hypergradient_descent():
    """η_{t+1} = η_t + β ∇J(w_t)·∇J(w_{t-1}): Baydin et al. 2018, eq. (5)."""
    problem, lam = discounted_problem()
    beta, J, w, eta = 0.003, problem.E, problem.w0, 0.05
    outer = hgref.outer.GradientDescent(rate=beta)
    found = hgref.realtime(problem, lam, 1, outer, discount=0.0)
    path = [eta]
    for _ in range(12):
        before = J.grad(1, w, {})
        w = w - eta * before
        eta = eta + beta * J.grad(1, w, {}) @ before
        path.append(eta)
    np.testing.assert_allclose(found["eta"], path, rtol=1e-13)
    np.testing.assert_allclose(found.s_T, w, rtol=1e-13)


def test_a_discount_forgets_by_its_powers():
    """Until the first update, ∇f_T = Σ_t γ^{T−t} ∇E A_T … A_{t+1} B_t."""
    problem, lam = discounted_problem()
    outer, gamma = hgref.outer.GradientDescent(rate=1.0), 0.7
    found = hgref.realtime(problem, lam, 12, outer, discount=gamma)
    states = list(problem.states(lam))
    alpha, total = problem.error_grad(12, states[-1], lam)[0], 0.0
    for t in range(12, 0, -1):
        B = hgref.jacobians.B(problem, t, states[t - 1], lam)
        total += gamma ** (12 - t) * float((alpha @ B)[0])
        alpha = alpha @ hgref.jacobians.A(problem, t, states[t - 1], lam)
    assert found["eta"][-1] == pytest.approx(0.05 - total, rel=1e-12)


@pytest.mark.parametrize("discount", [-0.1, 1.1, np.nan])
def test_a_discount_outside_of_0_to_1_is_refused(discount):
    problem, lam = discounted_problem()
    with pytest.raises(ValueError, match="discount"):
        hgref.realtime(problem, lam, 1, discount=discount)
