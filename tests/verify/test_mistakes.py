"""Parts of the catalogue's mistakes, each beside a computation that is written out."""

import numpy as np
import pytest
from scipy.sparse.linalg import cg
from strategies import relative

import hgref
from hgref.objectives import L2, LeastSquares, Softmax
from hgref.verify import CATALOGUE
from hgref.verify.mistakes import Computation
from hgref.verify.mistakes.computation import Shared
from hgref.verify.mistakes.edits import other_run
from hgref.verify.mistakes.implicit import (
    at_the_limit,
    conjugate_gradients,
    fitted,
    last_rate,
    neumann,
)
from hgref.verify.pairs import made
from hgref.verify.witness import complex_step


def wrongs(base, name):
    """variant → the wrong blocks of one mistake."""
    (mistake,) = [m for m in CATALOGUE if m.name == name]
    return {single.variant: single.gradient for single in made(mistake, base, beside=False)}


def penalised(dynamics=hgref.GradientDescent, batches=None, **options):
    """(problem, λ) with a penalty in J that is not in E, and as many batches as steps."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((9, 3)), rng.integers(0, 3, 9)
    J, E = Softmax(X, y, 3, batches=batches) + L2(), Softmax(X[:4], y[:4], 3)
    problem = hgref.Problem(dynamics(J, **options), E, 6, rng.standard_normal(12), learn_w0=True)
    rates = {"eta": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 0.02, "eps_root": 0.01, "beta": 0.9}
    return problem, problem.pack(
        **{n: rates[n] for n in problem.dynamics.names}, l2=0.2, w0=rng.standard_normal(12)
    )


MAPS = {  # λ = map(θ), and its inverse
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda y: np.log(y / (1 - y))),
    "softplus": (lambda x: np.log1p(np.exp(x)), lambda y: np.log(np.expm1(y))),
    "square": (lambda x: x**2, np.sqrt),
    "reciprocal": (lambda x: 1 / x, lambda y: 1 / y),
    "complement to 1": (lambda x: 1 - x, lambda y: 1 - y),
    "half-life": (lambda x: 2 ** (-1 / x), lambda y: -1 / np.log2(y)),
    "time constant": (lambda x: np.exp(-1 / x), lambda y: -1 / np.log(y)),
}


@pytest.mark.parametrize("name", MAPS)
def test_a_parametrisation_is_the_derivative_of_its_map(name):
    problem, lam = penalised()
    base, there = Computation(problem.at(lam)), MAPS[name]
    g, found = hgref.reverse(problem, lam), wrongs(base, "reparametrised")
    theta = there[1](base.lam["l2"])
    slope = np.imag(there[0](theta + 1e-30j)) / 1e-30
    assert found[f"{name} of l2"]["l2"] == pytest.approx(slope * g["l2"], rel=1e-12)
    assert found[f"{name} of l2"]["eta"] == g["eta"]


def test_the_sets_that_E_may_be_taken_on():
    """E on the training data, on both sets, their mean, all examples, and with the penalty."""
    problem, lam = penalised()
    J, n, nv = problem.dynamics.J, 9, 4
    (loss, penalty) = J.terms()
    run = problem.at(lam)
    s, states = run.last_state(), problem.layout.split

    def gradient(E):
        def f(x):
            moved = other_run(run, states(x))
            w = moved.last_state()
            return sum(c * part.value(1, w, moved.lam) for part, c in E)

        return complex_step(f, lam)

    expected = {
        "": [(loss, 1)],
        "both, added": [(problem.E, 1), (loss, 1)],
        "the mean of both": [(problem.E, 0.5), (loss, 0.5)],
        "both sets pooled": [(problem.E, nv / (n + nv)), (loss, n / (n + nv))],
        "both, added, with the penalty": [(problem.E, 1), (loss, 1), (penalty, 1)],
    }
    found = wrongs(Computation(run), "E-on-training-data")
    assert set(found) == set(expected)
    assert s.size == 12
    for variant, E in expected.items():
        assert relative(problem.layout.flatten(found[variant]), gradient(E)) < 1e-11, variant


def test_mini_batches_have_no_error_with_the_penalty():
    problem, lam = penalised(batches=np.arange(6)[:, None] + [0, 3])
    assert set(wrongs(Computation(problem.at(lam)), "E-on-training-data")) == {
        "",
        "both, added",
        "the mean of both",
        "both sets pooled",
    }


def test_accessory_states_are_cut_alone_and_together():
    """α_{t-1} without its blocks m, u, or both, written out."""
    problem, lam = penalised(hgref.Adam)
    run = problem.at(lam)
    found = wrongs(Computation(run), "accessory-state-detached")
    cuts = {"m": [0], "u": [1], "m, u": [0, 1]}
    assert set(found) == set(cuts)
    for variant, blocks in cuts.items():
        states = list(run.states())
        alpha, share = run.error_grad(run.T, states[-1])
        total = run.layout.zeros(like=alpha)
        for t in range(run.T, 0, -1):
            back, share = run.vjp(t, run.at(t, states[t - 1]), alpha)
            for name, block in share.items():
                total[name] += block
            alpha = back.copy()
            for j in blocks:
                alpha[12 * j : 12 * (j + 1)] = 0
        total["w0"] += alpha[24:]
        for name, block in total.items():
            np.testing.assert_allclose(found[variant][name], block, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("dynamics", "beta"), [(hgref.Adam, "beta2"), (hgref.RMSProp, "beta"), (hgref.AdaGrad, None)]
)
def test_squares_of_a_detached_gradient(dynamics, beta):
    """The complex step through a run whose u is made of numbers that were recorded."""
    problem, lam = penalised(dynamics)
    run, layout = problem.at(lam), problem.layout
    J, states = problem.dynamics.J, list(run.states())
    weights = problem.dynamics.weights
    squares = [J.grad(t, weights(s), run.lam) ** 2 for t, s in enumerate(states, 1)]

    def f(x):
        moved = other_run(run, layout.split(x))
        s = moved.start()
        for t in range(1, run.T + 1):
            r, g = moved.lam, J.grad(t, moved.dynamics.weights(s), moved.lam)
            exact = moved.at(t, s).value
            keep, add = (r[beta], 1 - r[beta]) if beta else (1.0, 1.0)
            u = keep * moved.dynamics.split(s)[-2] + add * squares[t - 1]
            s = stepped(dynamics, moved.dynamics, t, s, g, u, r, exact)
        return moved.error(run.T, s)

    found = wrongs(Computation(run), "denominator-detached")["the squares of a detached gradient"]
    assert relative(layout.flatten(found), complex_step(f, lam)) < 1e-11


def stepped(kind, dynamics, t, s, g, u, r, exact):
    """The step with another u_t."""
    w = dynamics.split(s)[-1]
    if kind is hgref.Adam:
        m = dynamics.split(exact)[0]
        rate = r["eta"] * np.sqrt(1 - r["beta2"] ** t) / (1 - r["beta1"] ** t)
        return np.concatenate([m, u, w - rate * m / np.sqrt(u + r["eps"])])
    return np.concatenate([u, w - r["eta"] * g / (np.sqrt(u) + r["eps"])])


def test_iterates_of_linear_solvers():
    """Conjugate gradients are SciPy's; Neumann's series is its sum of powers."""
    rng = np.random.default_rng(0)
    A, b, eta = rng.standard_normal((6, 6)), np.array([0.0, 1.0, -2.0, 0.5, 3.0, -1.0]), 0.02
    H, found = A @ A.T + np.eye(6), []
    cg(H, b, rtol=0.0, atol=0.0, maxiter=5, callback=lambda x: found.append(x.copy()))
    for ours, theirs in zip(conjugate_gradients(H, b, np.array(eta)), found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    total = np.zeros(6)
    for k, ours in zip(range(5), neumann(H, b, np.array(eta)), strict=False):
        total = total + eta * np.linalg.matrix_power(np.eye(6) - eta * H, k) @ b
        np.testing.assert_allclose(ours, total, rtol=1e-12)


def test_the_last_rate_of_a_schedule():
    J = LeastSquares(np.eye(3), np.ones(3))
    problem = hgref.Problem(hgref.GradientDescent(J, over={"eta": "steps"}), J, 4)
    assert last_rate(Computation(problem.at([0.2, 0.15, 0.1, 0.05]))) == 0.05


@pytest.mark.parametrize(("groups", "fits"), [(None, False), ("weight", True)])
def test_one_number_is_not_fitted(groups, fits):
    """Any number is the answer of some damping: two of M's columns are needed."""
    J = LeastSquares(np.diag([1.0, 2.0, 3.0]), np.ones(3)) + L2(groups)
    problem = hgref.Problem(hgref.GradientDescent(J), LeastSquares(np.eye(3), np.arange(3.0)), 4)
    lam = problem.pack(eta=0.1, l2=np.full(3, 0.1) if fits else 0.1)
    g = hgref.reverse(problem, lam)
    base = Computation(problem.at(lam), shared=Shared(g.blocks))
    assert bool(list(fitted(base, at_the_limit(base)))) == fits


@pytest.mark.parametrize("beta", [0.7, 0.97])
def test_the_decay_of_a_moving_mean_is_found(beta):
    """w̄_t = β w̄_{t-1} + (1 − β) w_t: the complex step through it, for a β that no list has."""
    problem, lam = penalised()
    run, layout = problem.at(lam), problem.layout

    def f(x):
        moved = other_run(run, layout.split(x))
        states = list(moved.states())
        mean = states[0]
        for w in states[1:]:
            mean = beta * mean + (1 - beta) * w
        return moved.error(moved.T, mean)

    found = hgref.diagnose(problem, lam, complex_step(f, lam), pairs=False)
    assert str(found).startswith(f"averaged-weights (a moving mean from w_0, {beta}")


def test_the_minimum_that_mini_batches_would_reach_is_that_of_the_last():
    rng, T, l2 = np.random.default_rng(3), 4, 0.3
    X, y = rng.standard_normal((6, 3)), rng.standard_normal(6)
    table = np.array([[0, 1], [2, 3], [4, 5], [1, 4]])
    J, E = LeastSquares(X, y, batches=table) + L2(), LeastSquares(X[:2], y[:2])
    problem = hgref.Problem(hgref.GradientDescent(J), E, T)
    H = X[table[-1]].T @ X[table[-1]] / 2 + l2 * np.eye(3)
    w = np.linalg.solve(H, X[table[-1]].T @ y[table[-1]] / 2)
    share = -E.grad(1, w, {}) @ np.linalg.solve(H, w)
    found = wrongs(Computation(problem.at({"eta": 0.1, "l2": l2})), "implicit-limit")
    assert found["at the minimum"]["l2"] == pytest.approx(share, rel=1e-10)
