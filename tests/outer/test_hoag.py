"""HOAG: it goes where the limit problem is stationary, with tolerances that decrease."""

import numpy as np
import pytest
from scipy.optimize import minimize

import hgref
from hgref.constraints import Box, Product
from hgref.descent import anywhere
from hgref.objectives import L2, LeastSquares, Logistic
from hgref.outer.hoag import Search

DECREASES = ["exponential", "quadratic", "cubic"]


def ridge():
    """A penalty on each half of the weights; f(λ) in the limit is known in closed form."""
    rng = np.random.default_rng(7)
    X, true = rng.standard_normal((30, 6)), np.array([2.0, -1.0, 1.0, 0.0, 0.0, 0.1])
    y = X @ true + 2 * rng.standard_normal(30)
    Xv = rng.standard_normal((30, 6))
    yv = Xv @ true + 2 * rng.standard_normal(30)
    groups = np.array([0, 0, 0, 1, 1, 1])
    J = LeastSquares(X, y, bias=False) + L2(groups)
    E = LeastSquares(Xv, yv, bias=False)

    def f(penalty):
        w = np.linalg.solve(X.T @ X / 30 + np.diag(penalty[groups]), X.T @ y / 30)
        return np.sum((Xv @ w - yv) ** 2) / 60

    return hgref.Problem(hgref.GradientDescent(J), E, 1), f


LAM = {"eta": 0.1, "l2": np.full(2, 0.2)}
INSIDE = Product(l2=Box(0, 3))


@pytest.mark.parametrize("decrease", DECREASES)
def test_it_finds_the_constrained_minimum_of_the_limit(decrease):
    problem, f = ridge()
    run = hgref.outer.hoag(problem, LAM, INSIDE.project, iterations=120, decrease=decrease)
    bounds, options = [(0, 3)] * 2, {"ftol": 1e-15, "gtol": 1e-10}
    best = minimize(f, np.full(2, 0.2), bounds=bounds, options=options)
    assert f(problem.unpack(run.last)["l2"]) == pytest.approx(best.fun, rel=1e-6)
    assert run.f[-1] == pytest.approx(best.fun, rel=1e-5)
    assert np.all(run.lam[:, 0] == 0.1)


@pytest.mark.parametrize("decrease", DECREASES)
def test_tolerances_decrease_as_they_are_called(decrease):
    problem, _ = ridge()
    run = hgref.outer.hoag(problem, LAM, INSIDE.project, 6, tol=0.5, decrease=decrease)
    k = np.arange(1, len(run.tol) + 1)
    wanted = {"exponential": 0.9 ** (k - 1), "quadratic": 1.0 / k**2, "cubic": 1.0 / k**3}
    np.testing.assert_allclose(run.tol, 0.5 * wanted[decrease], rtol=1e-14)
    assert len(run.lam) == len(run.f) == len(run.step) + 1 == 7


def test_every_point_is_as_exact_as_its_tolerance():
    problem, f = ridge()
    run = hgref.outer.hoag(problem, LAM, INSIDE.project, iterations=30, tol=0.05)
    exact = np.array([f(problem.unpack(lam)["l2"]) for lam in run.lam])
    assert np.all(np.abs(run.f - exact) <= 10 * run.tol)
    assert np.abs(run.f - exact).max() > run.tol[-1]  # the first ones were not solved to the end


def test_only_what_is_wanted_moves():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((20, 3)), rng.integers(0, 2, 20)
    J = Logistic(X[:10], y[:10], example_weights=True) + L2()
    problem = hgref.Problem(hgref.Momentum(J, weight_decay=0.05), Logistic(X[10:], y[10:]), 10)
    lam = {"eta": 0.1, "mu": 0.9, "weights": np.ones(10), "l2": 0.1}
    project = Product(weights=Box(0, 2), l2=Box(1e-3, 9)).project
    run = hgref.outer.hoag(problem, lam, project, iterations=5, wrt=["weights"])
    ends = [problem.unpack(point) for point in (run.lam[0], run.last)]
    assert not np.array_equal(ends[0]["weights"], ends[1]["weights"])
    for name in ("eta", "mu", "l2"):
        assert ends[0][name] == ends[1][name]
    assert run.f[-1] < run.f[0]
    assert run.products > 0
    inner = problem.dynamics.J.grad(1, run.w, ends[1]) + 0.05 * run.w
    assert np.linalg.norm(inner) <= run.tol[-1]


def test_it_ends_where_nothing_goes_down():
    problem, _ = ridge()
    found = hgref.outer.hoag(problem, LAM, INSIDE.project, iterations=120)
    again = hgref.outer.hoag(problem, found.last, INSIDE.project, iterations=5, tol=1e-9)
    assert np.abs(again.f - found.f[-1]).max() < 1e-6


def test_progress_and_refusals():
    problem, _ = ridge()
    seen = []

    def progress(steps):
        for k in steps:
            seen.append(k)
            yield k

    hgref.outer.hoag(problem, LAM, INSIDE.project, iterations=3, progress=progress)
    assert seen == [1, 2, 3]
    for options, match in [
        ({"tol": 0.0}, "tol: expected a number > 0"),
        ({"decrease": "linear"}, "unknown decrease 'linear'"),
        ({"iterations": 0}, "iterations: expected at least 1"),
        ({"wrt": ["rho"]}, "rho"),
    ]:
        with pytest.raises(ValueError, match=match):
            hgref.outer.hoag(problem, LAM, INSIDE.project, **options)
    with pytest.raises(TypeError, match="project: expected a function"):
        hgref.outer.hoag(problem, LAM, project=3)


def weighted_ridge():
    """A weight for each example: M is not symmetric; f(λ) in the limit is known."""
    rng = np.random.default_rng(3)
    X, y, Xv, yv = (rng.standard_normal(s) for s in ((9, 4), 9, (12, 4), 12))
    J = LeastSquares(X, y, bias=False, example_weights=True) + L2()
    problem = hgref.Problem(hgref.GradientDescent(J), LeastSquares(Xv, yv, bias=False), 1)

    def f(weights):
        H = X.T @ (weights[:, None] * X) / 9 + 0.3 * np.eye(4)
        w = np.linalg.solve(H, X.T @ (weights * y) / 9)
        return np.sum((Xv @ w - yv) ** 2) / 24

    return problem, f


def test_its_gradient_is_that_of_the_limit_for_example_weights():
    problem, f = weighted_ridge()
    weights = np.random.default_rng(4).uniform(0.5, 1.5, 9)
    search = Search(problem, {"eta": 0.1, "weights": weights, "l2": 0.3}, anywhere, ["weights"])
    search.look(search.run_0, 1e-10)
    slopes, errors = hgref.witness.central_differences(f, weights)
    found = search.layout.split(search.grad)
    assert np.abs(found["weights"] - slopes).max() < 1e-8 + 10 * errors.max()
    assert found["eta"] == found["l2"] == 0


def test_its_first_step_is_a_tenth_of_the_length_of_lam():
    problem, _ = weighted_ridge()
    lam = problem.pack(eta=0.1, weights=np.ones(9), l2=0.3)
    run = hgref.outer.hoag(problem, lam, iterations=1, tol=1e-8, wrt=["weights"])
    moved = np.linalg.norm(run.lam[1] - run.lam[0]) / (0.1 * np.linalg.norm(lam))
    halvings = np.log2(moved)  # it is halved until E falls
    assert halvings <= 1e-12
    assert halvings == pytest.approx(np.round(halvings), abs=1e-9)
