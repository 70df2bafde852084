"""The gradient in the limit: closed forms, differences of the limit itself, and long runs."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from strategies import DYNAMICS, few, relative

import hgref
from hgref.hypergradient.inner import Inner
from hgref.objectives import L2, LeastSquares, Logistic, Quadratic, Softmax

SOLVERS = ["cg", "neumann", "fixed_point"]
every_solver = pytest.mark.parametrize("solver", SOLVERS)
RATES = {"eta": 0.3, "mu": 0.6}
ADAPTIVE = {"eta": 0.02, "beta1": 0.5, "beta2": 0.9, "beta": 0.9, "eps": 0.1, "eps_root": 0.1}


def ridge(rng):
    """J, E and what they are made of: X, y, Xv, yv."""
    X, y = rng.standard_normal((20, 4)), rng.standard_normal(20)
    Xv, yv = rng.standard_normal((10, 4)), rng.standard_normal(10)
    J = LeastSquares(X, y, bias=False) + L2("weight")
    return J, LeastSquares(Xv, yv, bias=False), (X, y, Xv, yv)


def ridge_gradient(data, penalty):
    """−q diag(w): ∂(H + diag(l))^-1 b / ∂l = −H^-1 diag(w)."""
    X, y, Xv, yv = data
    H = X.T @ X / len(y) + np.diag(penalty)
    w = np.linalg.solve(H, X.T @ y / len(y))
    return -np.linalg.solve(H, Xv.T @ (Xv @ w - yv) / len(yv)) * w


def packed(problem, **blocks):
    known = {n: v for n, v in {**RATES, **blocks}.items() if n in problem.layout.shapes}
    return problem.pack(**known)


@every_solver
@pytest.mark.parametrize("dynamics", ["gd", "momentum", "nesterov", "dampened"])
@few
@given(seed=st.integers(0, 2**32 - 1))
def test_ridge_in_closed_form(solver, dynamics, seed):
    rng = np.random.default_rng(seed)
    J, E, data = ridge(rng)
    penalty = rng.uniform(0.3, 1.0, 4)
    problem = hgref.Problem(DYNAMICS[dynamics](J), E, 1500)
    g = hgref.implicit(problem, packed(problem, eta=0.1, l2=penalty), solver, tol=1e-12)
    decay = getattr(problem.dynamics, "weight_decay", 0.0)
    assert relative(g["l2"], ridge_gradient(data, penalty + decay)) < 1e-10
    assert g["eta"] == 0
    assert g.unsolved <= 1e-12
    assert g.residual < 1e-10


@every_solver
@few
@given(seed=st.integers(0, 2**32 - 1))
def test_it_is_the_difference_of_the_limit(solver, seed):
    """f(λ) = E(argmin J) + what E depends on directly, the argmin by scipy, Newton-like."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((12, 3)), rng.integers(0, 2, 12)
    Xv, yv = rng.standard_normal((8, 3)), rng.integers(0, 2, 8)
    J, E = Logistic(X, y, example_weights=True) + L2(), Logistic(Xv, yv) + L2()
    problem = hgref.Problem(hgref.GradientDescent(J), E, 1500)
    lam = packed(problem, eta=0.8, weights=rng.uniform(0.3, 1, 12), l2=rng.uniform(0.1, 0.5))
    g = hgref.implicit(problem, lam, solver)

    def limit(x):
        blocks = problem.unpack(x)
        H = lambda w: J.grad_jvp(1, w, blocks, np.eye(J.p), {})  # noqa: E731
        w = minimize(
            lambda w: J.value(1, w, blocks), np.zeros(J.p), jac=lambda w: J.grad(1, w, blocks),
            hess=H, method="trust-exact", options={"gtol": 1e-12},
        ).x  # fmt: skip
        w = w - np.linalg.solve(H(w), J.grad(1, w, blocks))
        return E.value(1, w, blocks)

    d = np.where(np.arange(lam.size) > 0, rng.standard_normal(lam.size), 0.0)
    h = 1e-3
    differences = [(limit(lam + k * d) - limit(lam - k * d)) / (2 * k) for k in (h, h / 2)]
    assert g.grad @ d == pytest.approx((4 * differences[1] - differences[0]) / 3, rel=1e-7)


@pytest.mark.parametrize("dynamics", ["adam-torch", "adam-paper", "rmsprop-torch", "adagrad-torch"])
def test_adaptive_dynamics_go_to_the_same_limit(dynamics):
    J, E, data = ridge(np.random.default_rng(1))
    problem = hgref.Problem(DYNAMICS[dynamics](J), E, 4000)
    lam = packed(problem, **ADAPTIVE, l2=np.full(4, 0.5))
    for solver in ("cg", "neumann", "fixed_point"):
        if solver == "fixed_point" and dynamics.startswith("adam"):  # corrects the bias by t
            with pytest.raises(ValueError, match="expected one step for all t, found Adam"):
                hgref.implicit(problem, lam, solver)
            continue
        g = hgref.implicit(problem, lam, solver)
        assert relative(g["l2"], ridge_gradient(data, np.full(4, 0.5))) < 1e-5
        assert g["eta"] == pytest.approx(0, abs=1e-6)
    assert np.isnan(hgref.implicit(problem, lam).convergence.rate)


@pytest.mark.parametrize("dynamics", ["gd", "momentum", "nesterov"])
def test_reverse_goes_to_implicit_at_the_predicted_rate(dynamics):
    J, E, _ = ridge(np.random.default_rng(2))
    distances, steps = [], np.array([150, 200, 250, 300])
    for T in steps:
        problem = hgref.Problem(DYNAMICS[dynamics](J), E, int(T))
        lam = packed(problem, eta=0.05, mu=0.3, l2=np.full(4, 0.1))
        g = hgref.implicit(problem, lam, tol=1e-13)
        distances.append(np.linalg.norm(g.grad - hgref.reverse(problem, lam).grad))
    rate = g.convergence.rate
    assert 0.9 < rate < 0.999
    slope = np.polyfit(steps, np.log(distances), 1)[0]  # between those of r^T and of T r^T
    assert 1.03 * np.log(rate) < slope < np.log(rate) + 1 / steps[0]


@pytest.mark.parametrize("dynamics", ["gd", "momentum"])
@pytest.mark.parametrize("kind", ["ridge", "softmax"])
@few
@given(seed=st.integers(0, 2**32 - 1), T=st.integers(1, 300))
def test_the_distance_to_the_minimum_is_within_its_bound(dynamics, kind, seed, T):
    rng = np.random.default_rng(seed)
    J, E, _ = ridge(rng)
    if kind == "softmax":
        J = Softmax(rng.standard_normal((9, 2)), rng.integers(0, 3, 9), 3) + L2()
        E = Softmax(rng.standard_normal((6, 2)), rng.integers(0, 3, 6), 3)
    w0 = rng.standard_normal(J.p)
    problem = hgref.Problem(DYNAMICS[dynamics](J), E, T, w0, learn_w0=True)
    lam = packed(problem, eta=0.1, mu=0.3, l2=np.full(problem.layout.shapes["l2"], 0.3), w0=w0)
    g = hgref.implicit(problem, lam)
    end = g.convergence
    blocks = problem.unpack(lam)
    w = minimize(
        lambda w: J.value(1, w, blocks), w0, jac=lambda w: J.grad(1, w, blocks), tol=1e-12
    ).x
    if kind == "ridge":  # elsewhere the curvature changes on the way
        assert np.linalg.norm(problem.dynamics.weights(g.s_T) - w) <= end.to_minimum + 1e-6
    assert f"‖w_T − w*‖ <= {end.to_minimum:.3g}" in str(end)


def test_spectra_of_many_weights_are_those_of_the_matrix():
    rng = np.random.default_rng(3)
    root = rng.standard_normal((450, 450)) / 20
    A = root @ root.T + 0.5 * np.eye(450)
    J = Quadratic(A, rng.standard_normal(450)) + L2()
    problem = hgref.Problem(hgref.GradientDescent(J), J, 5)
    end = hgref.implicit(problem, {"eta": 0.1, "l2": 0.25}).convergence
    true = np.linalg.eigvalsh(A + 0.25 * np.eye(450))
    assert end.least == pytest.approx(true[0], rel=1e-2)
    assert end.largest == pytest.approx(true[-1], rel=1e-2)
    assert end.rate == pytest.approx(np.abs(1 - 0.1 * true).max(), rel=1e-2)


def test_a_flat_direction_is_told():
    rng = np.random.default_rng(4)
    J = Softmax(rng.standard_normal((9, 2)), rng.integers(0, 3, 9), 3, example_weights=True)
    E = Softmax(rng.standard_normal((6, 2)), rng.integers(0, 3, 6), 3)
    problem = hgref.Problem(hgref.GradientDescent(J), E, 50)
    end = hgref.implicit(problem, packed(problem, eta=0.5, weights=np.ones(9))).convergence
    assert end.least == 0
    assert end.to_minimum == np.inf
    assert str(end).startswith(f"‖∇J(w_T)‖ = {end.residual:.3g} after T = ")
    assert "curvature of J at w_T: 0 … " in str(end)
    assert "not near a minimum" in str(end)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_a_flat_direction_is_flat_at_every_scale(scale):
    """Its curvature is rounding beside the largest."""
    rng = np.random.default_rng(0)
    V = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    H = V @ np.diag([0.0, 1.0, 2.0, 3.0]) @ V.T
    H = (H + H.T) / 2
    J, E = Quadratic(scale * H, np.zeros(4)), Quadratic(H, H @ np.ones(4))  # ∇E in the range of H
    problem = hgref.Problem(hgref.GradientDescent(J), E, 2)
    assert hgref.implicit(problem, {"eta": 0.1 / scale}).convergence.least == 0


def refused(kind, match, J, E, lam, dynamics=hgref.GradientDescent, **options):
    problem = hgref.Problem(dynamics(J), E, 4)
    with pytest.raises(kind, match=match):
        hgref.implicit(problem, packed(problem, **lam), **options)


def test_refusals_are_sentences():
    J, E, (X, y, *_) = ridge(np.random.default_rng(0))
    lam = {"l2": np.full(4, 0.5), **ADAPTIVE, "weight_decay": 0.1, "eta": 0.1}
    refused(ValueError, "unknown solver 'gmres'", J, E, lam, solver="gmres")
    refused(ValueError, r"tol: expected a number in \(0, 1\), found 2", J, E, lam, tol=2)
    refused(ValueError, "iterations: expected at least 1", J, E, lam, iterations=0)
    refused(TypeError, "found AdamW", J, E, lam, dynamics=hgref.AdamW, solver="cg")
    refused(ValueError, "found AdamW at steps 1 and 4 apart", J, E, lam, dynamics=hgref.AdamW)
    batched = LeastSquares(X, y, bias=False, batches=[[0, 1]] * 4) + L2("weight")
    refused(ValueError, "found mini-batches", batched, E, lam)
    for solver in SOLVERS:
        refused(ArithmeticError, f"{solver}: expected", J, E, lam, solver=solver, iterations=1)
    counted = {"solver": "fixed_point", "iterations": 3}
    refused(ArithmeticError, "after 3 products", J, E, lam, **counted)


def test_the_inner_function_is_j_and_the_decay_of_momentum():
    """Its gradient and its product with H are central differences, exact for a quadratic."""
    rng = np.random.default_rng(0)
    J = Quadratic(np.diag([1.0, 2.0, 3.0]), rng.standard_normal(3))
    problem = hgref.Problem(hgref.Momentum(J, weight_decay=0.5), J, 3)
    inner = Inner(problem.at({"eta": 0.1, "mu": 0.5}))
    w, u = rng.standard_normal(3), rng.standard_normal(3)
    at = inner.at(w)
    assert inner.value(w) == pytest.approx(J.value(1, w, {}) + 0.25 * w @ w, rel=1e-14)
    assert at.grad @ u == pytest.approx((inner.value(w + u) - inner.value(w - u)) / 2, rel=1e-12)
    np.testing.assert_allclose(at.curved(u), inner.at(w + u).grad - at.grad, rtol=1e-12)


@pytest.mark.parametrize("dynamics", ["gd", "momentum", "nesterov", "dampened"])
def test_the_rate_is_the_spectral_radius_of_the_last_step(dynamics):
    """Also with the decay of Momentum, which is in the curvature and in the step."""
    J, E, _ = ridge(np.random.default_rng(3))
    problem = hgref.Problem(DYNAMICS[dynamics](J), E, 200)
    lam = packed(problem, eta=0.1, mu=0.05, l2=np.full(4, 0.1))
    g = hgref.implicit(problem, lam)
    A = hgref.jacobians.A(problem, 200, g.s_T, lam)
    assert g.convergence.rate == pytest.approx(np.abs(np.linalg.eigvals(A)).max(), rel=1e-9)


# --- what .convergence says ---


def bowl(dynamics, curvatures, **rates):
    J = Quadratic(np.diag(curvatures), np.ones(len(curvatures))) + L2()
    problem = hgref.Problem(dynamics(J), Quadratic(np.eye(len(curvatures)), np.zeros(2)), 200)
    return hgref.implicit(problem, problem.pack(**rates, l2=0.0)).convergence


@pytest.mark.parametrize(("largest", "rate"), [(5.0, 0.9), (19.5, 0.95)])
def test_the_rate_is_that_of_the_slowest_way_also_where_steps_overshoot(largest, rate):
    end = bowl(hgref.GradientDescent, [1.0, largest], eta=0.1)
    assert end.rate == pytest.approx(rate, rel=1e-12)
    assert f"each step multiplies the distance by {rate:.4g}" in str(end)


def test_the_rate_of_underdamped_momentum_is_the_root_of_mu():
    end = bowl(hgref.Momentum, [1.0, 5.0], eta=0.1, mu=0.81)
    assert end.rate == pytest.approx(0.9, rel=1e-12)  # its eigenvalues are complex


def test_neumann_stops_when_it_is_there():
    J, E, _ = ridge(np.random.default_rng(0))
    problem = hgref.Problem(hgref.GradientDescent(J), E, 400)
    lam = problem.pack(eta=0.3, l2=np.full(4, 0.5))
    g = hgref.implicit(problem, lam, solver="neumann", iterations=10**6)
    assert 3 < g.products < 1000


# --- limits that are no minimum of J ---


@pytest.mark.parametrize("over", [{}, {"l1": "weights"}])
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_the_lassos_limit_is_its_closed_form_on_the_support(l2, over):
    """(XᵀX/n + l2) w = Xᵀy/n − l1 sign(w) on the support, so dw/dl1 = −(XᵀX/n + l2)⁻¹ sign(w)."""
    rng = np.random.default_rng(0)
    X, Xv, true = rng.standard_normal((30, 6)), rng.standard_normal((20, 6)), [2, -1.5, 0, 0, 1, 0]
    y, yv = X @ true + 0.1 * rng.standard_normal(30), Xv @ true
    J, E = LeastSquares(X, y, bias=False), LeastSquares(Xv, yv, bias=False)
    problem = hgref.Problem(hgref.Proximal(J, "elastic-net", over=over), E, 600)
    l1 = np.full(6, 0.2) if over else 0.2
    g = hgref.implicit(problem, {"eta": 0.3, "l1": l1, "l2": l2}, tol=1e-13)
    w, on = g.s_T, g.s_T != 0
    assert 0 < on.sum() < 6
    K = X[:, on].T @ X[:, on] / len(y) + l2 * np.eye(on.sum())
    q = np.linalg.solve(K, Xv[:, on].T @ (Xv @ w - yv) / len(yv))
    each = np.zeros(6)
    each[on] = -q * np.sign(w[on])
    np.testing.assert_allclose(g["l1"], each if over else each.sum(), rtol=1e-9)
    assert g["l2"] == pytest.approx(-q @ w[on], rel=1e-9)
    assert abs(g["eta"]) < 1e-9
    assert g.residual < 1e-12
    with pytest.raises(TypeError, match="convergence: known only of dynamics that minimise J"):
        g.convergence  # noqa: B018
    with pytest.raises(TypeError, match="found Proximal"):
        hgref.implicit(problem, {"eta": 0.3, "l1": l1, "l2": l2}, "cg")


def cosine_step(t, s, lam):
    """Its fixed point is that of w = c cos(w)."""
    return {"w": lam["c"] * np.cos(s["w"])}


def test_a_step_map_that_stands_still():
    """dw/dc = cos(w) / (1 + c sin(w)) at the fixed point."""
    E = Quadratic(np.eye(1), [0.3])
    problem = hgref.Problem(hgref.StepMap(cosine_step, {"w": np.ones(1)}, {"c": ()}), E, 200)
    g = hgref.implicit(problem, {"c": 0.8})
    w = g.s_T[0]
    true = (w - 0.3) * np.cos(w) / (1 + 0.8 * np.sin(w))
    assert g["c"] == pytest.approx(true, rel=1e-9)
    assert g.residual < 1e-12


def test_a_step_that_moves_away_has_no_limit():
    """s ↦ 2 s − c stands still at s = c, and sends away all that is beside it."""
    E = Quadratic(np.eye(1), [0.3])
    away = hgref.StepMap(
        lambda t, s, lam: {"w": 2 * s["w"] - lam["c"]}, {"w": np.ones(1)}, {"c": ()}
    )
    with pytest.raises(ArithmeticError, match="that the step is a contraction there"):
        hgref.implicit(hgref.Problem(away, E, 10), {"c": 1.0})


@pytest.mark.parametrize("solver", ["neumann", "fixed_point"])
def test_a_saddle_is_no_minimum(solver):
    J, E = Quadratic(np.diag([1.0, -2.0]), [0.0, 0.0]), Quadratic(np.eye(2), [1.0, 1.0])
    problem = hgref.Problem(hgref.GradientDescent(J), E, 3)  # w0 = 0 stands still
    with pytest.raises(ArithmeticError, match="that J is convex there"):
        hgref.implicit(problem, {"eta": 0.1}, solver)


def test_a_step_that_varies_with_t_has_no_limit_whoever_wrote_it():
    E = Quadratic(np.eye(1), [0.3])

    def faster(t, s, lam):
        return {"w": lam["c"] * np.cos(s["w"]) + 1e-3 * (t == 1)}

    problem = hgref.Problem(hgref.StepMap(faster, {"w": np.ones(1)}, {"c": ()}), E, 50)
    with pytest.raises(ValueError, match="found StepMap at steps 1 and 50 apart by 0.001"):
        hgref.implicit(problem, {"c": 0.8})


def test_a_transform_is_pulled_back():
    J, E, data = ridge(np.random.default_rng(5))
    log = hgref.transforms.Exp("l2")
    problem = hgref.Problem(hgref.GradientDescent(J), E, 1500, transform=log)
    penalty = np.array([0.3, 0.5, 0.7, 0.4])
    for solver in SOLVERS:
        g = hgref.implicit(problem, {"eta": 0.1, "l2": np.log(penalty)}, solver, tol=1e-12)
        assert relative(g["l2"], penalty * ridge_gradient(data, penalty)) < 1e-9
    assert g.convergence.rate < 1


def test_one_step_is_the_last_share_and_says_what_it_leaves():
    """∂E/∂λ + ∇E B_T; its error is α A, so it is good where ‖A‖ is small."""
    J, E, _ = ridge(np.random.default_rng(6))
    penalty = np.array([0.3, 0.5, 0.7, 0.4])
    problem = hgref.Problem(hgref.GradientDescent(J), E, 1500)
    lam = problem.pack(eta=0.1, l2=penalty)
    g = hgref.implicit(problem, lam, "one-step")
    short = hgref.truncated(problem, lam, K=1)
    np.testing.assert_allclose(g["l2"], short["l2"], rtol=1e-12)
    assert g["eta"] == 0
    assert g.products == 1
    A = hgref.jacobians.A(problem, 1500, g.s_T, lam)
    row = problem.error_grad(1500, g.s_T, lam)[0]
    assert g.unsolved == pytest.approx(np.linalg.norm(row @ A) / np.linalg.norm(row), rel=1e-12)
    cosine = hgref.Problem(hgref.StepMap(cosine_step, {"w": np.ones(1)}, {"c": ()}),
                           Quadratic(np.eye(1), [0.3]), 200)  # fmt: skip
    found = hgref.implicit(cosine, {"c": 0.8}, "one-step")
    w = found.s_T[0]
    assert found["c"] == pytest.approx((w - 0.3) * np.cos(w), rel=1e-9)


@pytest.mark.parametrize("solver", [*SOLVERS, "one-step"])
def test_a_result_can_be_sent_from_another_process(solver):
    J = Quadratic(np.diag([1.0, 2.0]), [1.0, 3.0]) + L2()
    problem = hgref.Problem(hgref.GradientDescent(J), Quadratic(np.eye(2), np.ones(2)), 60)
    found = hgref.implicit(problem, {"eta": 0.4, "l2": 0.1}, solver)
    sent = pickle.loads(pickle.dumps(found))
    assert sent.grad.tolist() == found.grad.tolist()
    assert sent.convergence.rate == found.convergence.rate
