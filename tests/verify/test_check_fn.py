"""check_fn: any function, in the form in which its point is given."""

import numpy as np
import pytest

import hgref
from hgref.objectives import Quadratic


def f(x):
    return float(np.exp(x[0]) * np.sin(x[1]))


def grad(x):
    return np.exp(x[0]) * np.array([np.sin(x[1]), np.cos(x[1])])


X = np.array([0.3, 0.7])


def test_no_problem_is_needed():
    assert hgref.check_fn(f, grad, X)
    assert hgref.check_fn(f, grad(X).astype(np.float32), X)
    report = hgref.check_fn(f, 1.0001 * grad(X), X)
    assert report.verdict == "wrong"
    assert report.reason.startswith("lam is off by 1.0e-04")
    J = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0])
    problem = hgref.Problem(hgref.Momentum(J), Quadratic(np.eye(2), [1, 1]), 8)
    lam = problem.pack(eta=0.1, mu=0.5)
    assert hgref.check_fn(problem.f, lambda lam: hgref.reverse(problem, lam).grad, lam)


def test_points_are_given_back_as_they_came():
    def named(lam):
        assert set(lam) == {"a", "b"}
        return float(lam["a"] * np.sum(lam["b"] ** 2))

    point, right = {"a": 2.0, "b": [1.0, 3.0]}, {"a": 10.0, "b": [4.0, 12.0]}
    assert hgref.check_fn(named, right, point)
    assert hgref.check_fn(named, lambda lam: right, point)
    report = hgref.check_fn(named, {**right, "b": [4.0, 12.1]}, point)
    assert [block.verdict for block in report.blocks] == ["right", "wrong"]
    assert hgref.check_fn(named, {"b": right["b"]}, point).missing == ("a",)
    assert hgref.check_fn(lambda x: x**2, 6.0, 3.0)  # a number


@pytest.mark.parametrize("seed", range(10))
def test_single_precision_takes_larger_steps(seed):
    rng = np.random.default_rng(seed)
    A, x = rng.standard_normal((6, 6)), rng.uniform(0.5, 2, 6)
    A = A @ A.T

    def single(x):
        assert x.dtype == np.float32
        return np.float32(0.5) * x @ (A.astype(np.float32) @ x)

    right = (A @ x).astype(np.float32)
    assert hgref.check_fn(single, right, x, dtype=np.float32)
    assert hgref.check_fn(single, -right, x, dtype=np.float32).verdict == "wrong"
    assert hgref.check_fn(single, 1.1 * right, x, dtype=np.float32).verdict != "right"
    # f rounds to float32, and nobody says so: its noise is seen
    assert hgref.check_fn(lambda x: single(x.astype(np.float32)), right, x).verdict != "wrong"


@pytest.mark.parametrize("seed", range(10))
def test_kinks_between_the_steps_are_not_held_against_a_gradient(seed):
    rng = np.random.default_rng(seed)
    W1, W2 = rng.standard_normal((200, 3)), rng.standard_normal(200)

    def network(x):
        return float(W2 @ np.maximum(W1 @ x, 0))

    x = rng.uniform(0.5, 1.5, 3)
    right = (W2 * (W1 @ x > 0)) @ W1
    assert hgref.check_fn(network, right, x).verdict != "wrong"
    assert hgref.check_fn(network, -right, x).verdict == "wrong"
    assert hgref.check_fn(network, 1.05 * right, x).verdict != "right"


def test_a_function_that_draws_is_undecided():
    rng = np.random.default_rng(0)
    report = hgref.check_fn(lambda x: f(x) + 1e-3 * rng.standard_normal(), grad, X)
    assert report.verdict == "undecided"
    assert "f is not a function of lam: two calls at one point gave" in report.reason


def test_a_noisy_function_is_undecided():
    def noisy(x):  # a function, but a rough one
        return f(x) + 1e-2 * np.sin(1e9 * x[0])

    report = hgref.check_fn(noisy, grad, X)
    assert report.verdict == "undecided", str(report)
    assert "too noisy, or has kinks" in report.reason


def test_few_directions_for_many_numbers():
    calls = []

    def many(x):
        calls.append(1)
        return float(np.sum(np.sin(x)))

    x = np.linspace(0.1, 3, 10_000)
    report = hgref.check_fn(many, np.cos, x, directions=2)
    assert report, str(report)
    assert len(calls) < 60
    assert hgref.check_fn(many, lambda x: 1.001 * np.cos(x), x, directions=2).verdict == "wrong"
    V = np.eye(10_000)[:, :1]
    off = np.cos(x)
    off[0] += 1
    assert hgref.check_fn(many, off, x, directions=V).verdict == "wrong"
    off[0] -= 1
    off[1] += 1
    assert hgref.check_fn(many, off, x, directions=V)  # another direction was asked


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"lam: expected shape \(m,\), found \(1, 2\)"):
        hgref.check_fn(f, grad, [[0.3, 0.7]])
    with pytest.raises(TypeError, match="dtype: expected a float type, found int64"):
        hgref.check_fn(f, grad, X, dtype=np.int64)
    with pytest.raises(ValueError, match=r"candidate lam: expected shape \(2,\), found \(3,\)"):
        hgref.check_fn(f, np.zeros(3), X)
    with pytest.raises(ValueError, match=r"directions: expected shape \(2, k\), found \(3, 1\)"):
        hgref.check_fn(f, grad, X, directions=np.zeros((3, 1)))
    with pytest.raises(ValueError, match="expected at least one number, found an empty vector"):
        hgref.check_fn(f, grad, [])
