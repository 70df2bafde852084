"""check: right is right in every precision, wrong is wrong, and the witnesses are heard."""

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import OBJECTIVES, build, choices, few, pairs

import hgref
from hgref import laws
from hgref.objectives import L2, Callback, LeastSquares, Quadratic
from hgref.verify.check import judged
from hgref.verify.rounding import norm
from hgref.verify.trial import Trial

half = settings(max_examples=few.max_examples // 2)  # each example is checked once a block
every_pair = pytest.mark.parametrize(("dynamics", "objective"), pairs(OBJECTIVES))


@every_pair
@half
@given(choice=choices(max_T=15))
def test_a_right_gradient_is_right_and_a_slightly_wrong_one_is_not(dynamics, objective, choice):
    problem, lam = build(dynamics, objective, choice)
    g = hgref.forward(problem, lam)  # other rounding than the reference's
    report = hgref.check(problem, lam, g.grad)
    assert report, str(report)
    assert report.consistent
    assert all(report.witnesses)
    for name in g:
        if np.linalg.norm(g[name]) > 1e-6 * np.linalg.norm(g.grad):
            off = {**g.blocks, name: g[name] * (1 + 1e-6)}
            wrong = hgref.check(problem, lam, off)
            assert [block.name for block in wrong.blocks if not block] == [name]


def a_problem(seed, T):
    """Ridge regression under one of the dynamics, as numbers and as a problem."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((12, 4)), rng.standard_normal(12)
    Xv, yv = rng.standard_normal((9, 4)), rng.standard_normal(9)
    return X, y, Xv, yv, rng.standard_normal(4), T


def by_hand(kind, X, y, Xv, yv, w0, T, rates, dtype):
    """REVERSE-HG for ridge regression, all of it in one type: float32 for what a framework does."""
    X, y, Xv, yv, w0 = (x.astype(dtype) for x in (X, y, Xv, yv, w0))
    l2, *rates = (dtype(rate) for rate in rates)
    n, one = dtype(len(y)), dtype(1)

    def grad(w):
        return X.T @ (X @ w - y) / n + l2 * w

    def product(u):
        return X.T @ (X @ u) / n + l2 * u

    def bias(t):
        return laws.adam_bias_split(t, rates[1], rates[2])

    states = [(0 * w0, w0) if kind == "momentum" else (0 * w0, 0 * w0, w0)]
    for t in range(1, T + 1):
        s = states[-1]
        g = grad(s[-1])
        if kind == "momentum":
            states.append(laws.momentum_step(*s, g, *rates, one, dtype(0), 0))
        else:
            c = (dtype(x) for x in bias(t))
            states.append(laws.adam_step(*s, g, *rates[:3], *c, rates[3], dtype(0), dtype(0)))
    w = states[-1][-1]
    alpha = [0 * w] * (len(states[0]) - 1) + [Xv.T @ (Xv @ w - yv) / dtype(len(yv))]
    total = np.zeros(1 + len(rates), dtype=dtype)
    for t in range(T, 0, -1):
        s = states[t - 1]
        g = grad(s[-1])
        if kind == "momentum":
            *alpha, b_g, b_eta, b_mu = laws.momentum_vjp(*s, g, *rates, one, dtype(0), 0, *alpha)
            total[1:] += [b_eta.sum(), b_mu.sum()]
        else:
            c = [dtype(x) for x in bias(t)]
            *alpha, b_g, b_eta, b1, b2, bc1, bc2, b_eps, _, _ = laws.adam_vjp(
                *s, g, *rates[:3], *c, rates[3], dtype(0), dtype(0), *alpha
            )
            v1, v2 = laws.adam_bias_split_vjp(t, rates[1], rates[2], bc1.sum(), bc2.sum())
            total[1:] += [b_eta.sum(), b1.sum() + dtype(v1), b2.sum() + dtype(v2), b_eps.sum()]
        total[0] += s[-1] @ b_g
        alpha[-1] = alpha[-1] + product(b_g)
    return total


RATES = {"momentum": ("eta", "mu"), "adam": ("eta", "beta1", "beta2", "eps")}


@pytest.mark.parametrize("kind", RATES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gradient_computed_in_single_precision_is_right_for_what_it_is(kind, dtype):
    """It is undecided only where rounding leaves no digit of a block, which is rare."""
    undecided = 0
    for seed in range(5):
        numbers = a_problem(seed, T=5 + 3 * seed)
        X, y, Xv, yv, w0, T = numbers
        rng = np.random.default_rng(seed)
        values = {
            "momentum": (rng.uniform(0.01, 0.1), rng.uniform(0, 0.9)),
            "adam": (rng.uniform(0.001, 0.05), rng.uniform(0, 0.9), rng.uniform(0.5, 0.99), 1e-3),
        }[kind]
        l2 = rng.uniform(0, 0.3)
        J = LeastSquares(X, y) + L2()
        dynamics = hgref.Momentum(J) if kind == "momentum" else hgref.Adam(J, "torch")
        problem = hgref.Problem(dynamics, LeastSquares(Xv, yv), T, w0)
        lam = {**dict(zip(RATES[kind], values, strict=True)), "l2": l2}
        found = by_hand(kind, *numbers, (l2, *values), dtype)
        candidate = dict(zip(("l2", *RATES[kind]), found, strict=True))
        report = hgref.check(problem, lam, candidate)
        assert report.roundoff == np.finfo(dtype).eps / 2
        assert report.verdict != "wrong", f"{seed}\n{report}"
        undecided += not report
        assert all(block.tolerance > 0.1 for block in report.blocks if not block), str(report)
    assert undecided <= (1 if dtype == np.float32 else 0)


@pytest.mark.parametrize(("eta", "T"), [(2.0**-4, 690), (0.3, 300)])
def test_weights_that_stop_moving_in_single_precision_are_no_mistake(eta, T):
    """Near the minimum η g is less than half a place of w; and 0.3 is another number there."""
    H, b, goal = np.diag([4.0, 0.5]), np.ones(2), np.array([0.5, 1.0])
    problem = hgref.Problem(
        hgref.GradientDescent(Quadratic(H, b) + L2()), Quadratic(np.eye(2), goal), T
    )
    lam = {"eta": eta, "l2": 0.0625 if eta < 0.1 else 0.01}
    eta, l2, H, b, goal = (np.float32(x) for x in (eta, lam["l2"], H, b, goal))
    w = [np.zeros(2, np.float32)]
    for _ in range(T):
        w.append(w[-1] - eta * (H @ w[-1] + l2 * w[-1] - b))
    alpha, grad = w.pop() - goal, {"eta": np.float32(0), "l2": np.float32(0)}
    for s in reversed(w):
        grad["eta"] -= alpha @ (H @ s + l2 * s - b)
        grad["l2"] -= eta * (alpha @ s)
        alpha = alpha - eta * (alpha @ H + l2 * alpha)
    trial = Trial(problem.at(lam), grad)
    off = {name: norm(trial.given.blocks[name] - trial.g[name]) for name in trial.g}
    assert judged(trial, "eta", off["eta"]) != "wrong"
    assert judged(trial, "l2", off["l2"]) == "right"
    assert judged(trial, "l2", 1e-3 * norm(trial.g["l2"])) == "wrong"


def simple():
    J = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0]) + L2("weight")
    problem = hgref.Problem(hgref.Momentum(J), Quadratic(np.eye(2), [1, 1]), 8)
    return problem, problem.pack(eta=0.1, mu=0.5, l2=[0.1, 0.2])


def test_a_report_names_the_worst_component():
    problem, lam = simple()
    g = hgref.reverse(problem, lam)
    off = g["l2"] * [1.0, -1.0]
    report = hgref.check(problem, lam, {"l2": off, "eta": g["eta"]})
    block = report.blocks[1]
    assert not report
    assert (block.name, block.worst, block.candidate) == ("l2", (1,), off[1])
    assert 0 < block.angle < 180
    assert report.missing == ("mu",)
    text = str(report)
    assert text.startswith("hypergradient: WRONG in l2")
    assert "eta    right" in text
    assert "not in the candidate: mu" in text
    assert "DISAGREES" in text


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_wrong(bad):
    problem, lam = simple()
    g = hgref.reverse(problem, lam)
    report = hgref.check(problem, lam, {**g.blocks, "mu": bad})
    assert [block.name for block in report.blocks if not block] == ["mu"]
    assert not any(report.witnesses)
    assert str(report)


def test_a_callback_whose_functions_do_not_fit_is_told_apart_from_a_wrong_candidate():
    J = Callback(
        lambda w, lam: np.sum(w**4) / 4,
        lambda w, lam: w**3,
        grad_jvp=lambda w, lam, dw, dlam: 3 * w[:, None] ** 2 * dw,
        grad_vjp=lambda w, lam, u: (2 * w**2 * u, {}),  # 3 w² is right
        p=2,
    )
    problem = hgref.Problem(hgref.GradientDescent(J), Quadratic(np.eye(2), [1, 1]), 5, [1.0, 2.0])
    truth = hgref.witness.complex_step(problem.f, [0.01])
    report = hgref.check(problem, [0.01], truth)
    assert not report.consistent
    assert report.verdict == "undecided"
    assert "disagree with reverse: grad_vjp of Callback is wrong in w, step 1" in report.reason
    report = hgref.check(problem, [0.01], -truth)
    assert report.verdict == "wrong"
    assert report.reason.startswith("f itself contradicts the candidate; ")


def test_differences_are_heard_where_the_complex_step_cannot_be():
    J = Callback(
        lambda w, lam: np.sum(np.abs(w) ** 3) / 3,
        lambda w, lam: np.abs(w) * w.real,
        grad_vjp=lambda w, lam, u: (2 * np.abs(w) * u, {}),
        p=2,
    )
    E = Callback(
        lambda w, lam: float(np.abs(w[0]) + w.real @ w.real), lambda w, lam: 2 * w + [1, 0]
    )
    problem = hgref.Problem(hgref.GradientDescent(J), E, 5, [1.0, 2.0])
    report = hgref.check(problem, [0.01], hgref.reverse(problem, [0.01]).grad)
    assert report
    silent = {w.name: w.silent for w in report.witnesses}
    assert silent["reverse"] is silent["central differences"] is None
    assert "needs the function grad_jvp=, found None" in silent["forward"]
    assert "TypeError" in silent["complex step"]


def test_assert_hypergradient_speaks_for_test_suites():
    problem, lam = simple()
    g = hgref.reverse(problem, lam)
    hgref.assert_hypergradient(problem, lam, g.grad)
    with pytest.raises(AssertionError, match="hypergradient: WRONG in eta, mu, l2"):
        hgref.assert_hypergradient(problem, lam, -g.grad)


def test_check_fn_needs_no_problem():
    def f(x):
        return float(np.exp(x[0]) * np.sin(x[1]))

    def grad(x):
        return np.exp(x[0]) * np.array([np.sin(x[1]), np.cos(x[1])])

    x = np.array([0.3, 0.7])
    assert hgref.check_fn(f, grad, x)
    assert hgref.check_fn(f, grad(x).astype(np.float32), x)
    assert not hgref.check_fn(f, 1.0001 * grad(x), x)
    problem, lam = simple()
    assert hgref.check_fn(problem.f, lambda lam: hgref.reverse(problem, lam).grad, lam)


def test_bad_candidates_are_refused_by_name():
    problem, lam = simple()
    with pytest.raises(ValueError, match=r"candidate: expected shape \(4,\), found \(3,\)"):
        hgref.check(problem, lam, np.zeros(3))
    with pytest.raises(ValueError, match=r"candidate l2: expected shape \(2,\), found \(\)"):
        hgref.check(problem, lam, {"l2": 1.0})
    with pytest.raises(ValueError, match="unknown hyperparameter in the candidate 'lr'"):
        hgref.check(problem, lam, {"lr": 1.0})
    with pytest.raises(ValueError, match="candidate: expected some of"):
        hgref.check(problem, lam, {})
    with pytest.raises(TypeError, match="candidate eta: expected real numbers, found 'one'"):
        hgref.check(problem, lam, {"eta": "one"})
    with pytest.raises(TypeError, match="candidate: expected real numbers, found"):
        hgref.check(problem, lam, None)


@pytest.mark.parametrize("eta", [0.01, 0.5])
def test_a_witness_is_allowed_the_rounding_along_its_direction(eta):
    """A slope along v = ±η is off by what both gradients are, times |v|."""
    J = hgref.objectives.Quadratic(np.diag([1.0, 0.5]), [1.0, 2.0])
    problem = hgref.Problem(hgref.GradientDescent(J), J, 10)
    g = hgref.reverse(problem, [eta])
    report = hgref.check(problem, [eta], g.grad)
    (block,), reverse = report.blocks, report.witnesses[0]
    assert reverse.name == "reverse"
    assert reverse.tolerance == pytest.approx(3 * block.tolerance, rel=1e-9, abs=0)


def test_the_witness_of_check_fn_looks_at_the_candidate_along_random_signs():
    """An error that cancels along |x| is seen along other signs."""
    x = np.array([1.0, 2.0, 4.0])
    grad = 2 * x
    wrong = grad + np.array([4.0, -2.0, 0.0]) * 1e-3  # no error along (1, 2, 4)
    (right,), (seen,) = (
        hgref.check_fn(lambda x: np.sum(x**2), g, x).witnesses for g in (grad, wrong)
    )
    assert right
    assert not seen
    assert seen.gap > 1e-4 > 1e-9 > right.gap


def test_a_block_whose_truth_is_zero_has_its_error_in_its_own_units():
    J = Quadratic(np.eye(2), np.zeros(2))
    problem = hgref.Problem(hgref.GradientDescent(J), J, 3)  # from the minimum: nothing moves
    report = hgref.check(problem, [0.1], [0.5])
    assert not report
    assert hgref.check(problem, [0.1], [0.0])
    assert "0.5" in str(report)
