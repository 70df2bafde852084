"""λ = τ(θ): each transform against the complex step and its transpose, and whole runs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hgref
import hgref.fast.cpu
from hgref.objectives import L2, LeastSquares, Logistic
from hgref.transforms import Cosine, Exp, Map, Piecewise, Sigmoid, Softmax, Softplus
from hgref.verify.witness import complex_step

T = 6
rng = np.random.default_rng(0)
X, y = rng.standard_normal((8, 3)), (rng.standard_normal(8) > 0).astype(float)

SQUARE = Map(
    lambda theta: {"l2": theta["root"] ** 2 * theta["scale"]},
    lambda theta, d: {
        "l2": 2 * theta["root"] * theta["scale"] * d["root"] + theta["root"] ** 2 * d["scale"]
    },
    lambda theta, b: {
        "root": 2 * theta["root"] * theta["scale"] * b["l2"],
        "scale": theta["root"] ** 2 * b["l2"],
    },
    {"root": (), "scale": ()},
)
POINTS = {  # a transform, or several, and θ
    "exp": (Exp("eta", "l2"), {"eta": -2.0, "mu": 0.5, "l2": -1.0, "weights": np.ones(8)}),
    "sigmoid": (Sigmoid("mu"), {"eta": 0.1, "mu": -0.3, "l2": 0.1, "weights": np.ones(8)}),
    "softplus": (Softplus("l2"), {"eta": 0.1, "mu": 0.5, "l2": 0.7, "weights": np.ones(8)}),
    "softmax": (Softmax("weights"), {"eta": 0.9, "mu": 0.5, "l2": 0.1, "weights": np.arange(8.0)}),
    "cosine": (
        Cosine("eta", T, warmup=2),
        {"eta_peak": 0.3, "eta_end": 0.01, "mu": 0.5, "l2": 0.1, "weights": np.ones(8)},
    ),
    "piecewise": (
        Piecewise("eta", T, 4),
        {"eta_pieces": [0.3, 0.2, 0.1, 0.4], "mu": 0.5, "l2": 0.1, "weights": np.ones(8)},
    ),
    "map": (
        SQUARE,
        {"eta": 0.1, "mu": 0.5, "root": 0.4, "scale": 0.5, "weights": np.ones(8)},
    ),
    "several": (
        [Exp("eta_peak"), Cosine("eta", T), Sigmoid("mu")],
        {"eta_peak": -1.0, "eta_end": 0.01, "mu": 0.5, "l2": 0.1, "weights": np.ones(8)},
    ),
}
every = pytest.mark.parametrize("name", POINTS)


def problem_of(name):
    transform, theta = POINTS[name]
    J = Logistic(X, y, example_weights=True) + L2()
    E = Logistic(X[:5], y[:5]) + L2()  # depends on λ directly too
    problem = hgref.Problem(hgref.Momentum(J), E, T, transform=transform)
    return problem, problem.pack(**theta)


@every
def test_reverse_forward_and_the_others_are_the_complex_step(name):
    problem, theta = problem_of(name)
    true = complex_step(problem.f, theta)
    for algorithm in (hgref.reverse, hgref.forward, hgref.checkpointed):
        np.testing.assert_allclose(algorithm(problem, theta).grad, true, rtol=1e-11, atol=1e-14)
    assert hgref.reverse(problem, theta).layout == problem.layout


@every
def test_the_taylor_remainder_falls_as_the_square(name):
    problem, theta = problem_of(name)
    grad = hgref.reverse(problem, theta).grad
    assert hgref.witness.taylor(problem.f, grad, theta).slope > 1.9
    assert hgref.witness.adjoint_gap(problem, theta, t=3) < 1e-12


@every
def test_check_speaks_of_theta(name):
    problem, theta = problem_of(name)
    right = hgref.reverse(problem, theta).blocks
    assert hgref.check(problem, theta, right).verdict == "right"
    block = next(iter(POINTS[name][1]))
    found = hgref.check(problem, theta, {**right, block: right[block] * 1.001})
    assert found.verdict == "wrong"
    assert [one.name for one in found.blocks if one.verdict == "wrong"] == [block]
    assert hgref.diagnose(problem, theta, {n: -b for n, b in right.items()})[0].name == "sign"


@every
@given(st.integers(0, 2**31 - 1))
def test_products_are_transposes_and_derivatives(name, seed):
    theta = POINTS[name][1]
    random = np.random.default_rng(seed)
    problem, _ = problem_of(name)
    theta = {n: random.uniform(-2, 2, np.shape(x)) for n, x in theta.items()}
    dtheta = {n: random.standard_normal((*np.shape(x), 2)) for n, x in theta.items()}
    at = problem.transform.at(theta)
    b = {n: random.standard_normal(x.shape) for n, x in at.value.items()}
    moved, back = at.jvp(dtheta), at.vjp(b)
    for k in range(2):
        there = sum(np.sum(b[n] * moved[n][..., k]) for n in b)
        here = sum(np.sum(back[n] * dtheta[n][..., k]) for n in theta)
        assert there == pytest.approx(here, rel=1e-11, abs=1e-11)
        along = {n: theta[n] + 1e-30j * dtheta[n][..., k] for n in theta}
        for n, block in problem.transform.at(along).value.items():
            np.testing.assert_allclose(
                np.imag(block) / 1e-30, moved[n][..., k], rtol=1e-11, atol=1e-13
            )


def test_the_values_of_a_run_are_those_of_lambda():
    problem, theta = problem_of("cosine")
    plain = hgref.Problem(problem.dynamics, problem.E, T)
    run = problem.at(theta)
    np.testing.assert_allclose(run.lam["eta"][:3], [0.0, 0.15, 0.3])
    assert run.lam["eta"][-1] > 0.01
    assert problem.f(theta) == plain.f(run.lam)


def test_large_arguments_do_not_overflow():
    for transform, name in ((Sigmoid("x"), "x"), (Softplus("x"), "x"), (Softmax("x"), "x")):
        at = transform.at({name: np.array([-800.0, 0.0, 800.0])})
        assert np.isfinite(at.value[name]).all()
        assert np.isfinite(at.vjp({name: np.ones(3)})[name]).all()


def test_an_outer_loop_moves_theta():
    problem, theta = problem_of("exp")
    run = hgref.outer.minimize(problem, theta, iterations=3, wrt=["l2"])
    assert run.layout == problem.layout
    assert run.f[-1] < run.f[0]


def test_a_learned_rate_in_real_time_stays_above_zero():
    problem, theta = problem_of("exp")
    run = hgref.realtime(problem, theta, every=2)
    assert np.isfinite(run.lam).all()


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (Exp("rate"), "rate"),
        (Cosine("lr", T), "lr"),
        ("exp", "transform: expected transforms of hgref.transforms, found 'exp'"),
        (Map(lambda x: {"q": x["a"]}, max, max, {"a": ()}), "q"),
    ],
)
def test_transforms_that_do_not_fit_are_refused(transform, words):
    J = LeastSquares(X, y)
    with pytest.raises((ValueError, TypeError), match=words):
        hgref.Problem(hgref.GradientDescent(J), J, T, transform=transform)


def test_schedules_of_impossible_lengths_are_refused():
    with pytest.raises(ValueError, match="warmup: expected fewer than T = 3 steps, found 3"):
        Cosine("eta", 3, warmup=3)
    with pytest.raises(ValueError, match="pieces: expected at most T = 3, found 4"):
        Piecewise("eta", 3, 4)


def test_the_fast_layer_refuses_a_transform():
    problem, theta = problem_of("exp")
    with pytest.raises(TypeError, match="transform: expected none"):
        hgref.fast.cpu.reverse(problem, theta)


@pytest.mark.parametrize("warmup", [0, 1, 3])
def test_a_cosine_is_the_formula_step_by_step(warmup):
    peak, end, T = 0.8, 0.1, 7
    found = Cosine("eta", T, warmup).at({"eta_peak": np.array(peak), "eta_end": np.array(end)})
    for k in range(T):
        if k < warmup:
            expected = peak * k / warmup
        else:
            turn = math.pi * (k - warmup) / (T - warmup)
            expected = end + (peak - end) * (1 + math.cos(turn)) / 2
        assert found.value["eta"][k] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("pieces", [1, 2, 3, 7])
def test_pieces_are_as_long_as_they_can_be(pieces):
    """As many as there are steps: each step has its own."""
    values = np.arange(1.0, pieces + 1)
    found = Piecewise("eta", 7, pieces).at({"eta_pieces": values}).value["eta"]
    expected = [values[t * pieces // 7] for t in range(7)]
    assert found.tolist() == expected
    assert sorted(set(expected)) == values.tolist()
