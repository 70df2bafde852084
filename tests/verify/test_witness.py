"""The witnesses themselves, on functions whose derivatives are known, and on liars."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import DYNAMICS, OBJECTIVES, build, choices, few

import hgref
from hgref.objectives import Quadratic
from hgref.verify.witness import adjoint_gap, central_differences, complex_step, taylor


def f(x):
    return np.exp(x[0]) * np.sin(x[1]) + x[2] ** 3


def true_gradient(x):
    return np.array([np.exp(x[0]) * np.sin(x[1]), np.exp(x[0]) * np.cos(x[1]), 3 * x[2] ** 2])


vectors = st.tuples(*[st.floats(-2, 2).filter(lambda x: x == 0 or abs(x) > 1e-3)] * 3)


@given(x=vectors)
def test_complex_step_is_exact(x):
    np.testing.assert_allclose(complex_step(f, x), true_gradient(x), rtol=1e-14, atol=1e-15)
    v = np.array([[1.0], [2.0], [-1.0]])
    found = complex_step(f, x, v)
    assert found.shape == (1,)
    np.testing.assert_allclose(found, true_gradient(x) @ v, rtol=1e-13, atol=1e-14)


@given(x=vectors)
def test_central_differences_are_as_good_as_they_say(x):
    slopes, errors = central_differences(f, x)
    assert np.all(np.abs(slopes - true_gradient(x)) <= 10 * errors + 1e-11)
    assert np.all(errors < 1e-6)
    slopes, errors = central_differences(f, x, np.array([[1.0], [2.0], [-1.0]]))
    expected = true_gradient(x) @ [1.0, 2.0, -1.0]
    np.testing.assert_allclose(slopes, [expected], atol=1e-8)


def test_central_differences_stay_inside_the_domain():
    """√x at 0.005 with a first step of 1 % of 1: relative steps keep x above 0."""
    slopes, _ = central_differences(lambda x: np.sqrt(x[0]), [0.005])
    assert slopes[0] == pytest.approx(0.5 / np.sqrt(0.005), rel=1e-9)

    def picky(x):
        if x[0] >= 1:
            raise ValueError
        return np.log(1 - x[0])

    slopes, _ = central_differences(picky, [0.999])
    assert slopes[0] == pytest.approx(-1000, rel=1e-6)
    with pytest.raises(ValueError, match="f: expected finite values around x, found none"):
        central_differences(lambda x: np.nan, [1.0])


@pytest.mark.parametrize(("wrong", "slope"), [(0.0, 2), (0.01, 1)])
def test_taylor_tells_right_from_wrong(wrong, slope):
    x = np.array([0.3, 0.4, 0.5])
    grad = true_gradient(x) + np.array([0, wrong, 0])
    report = taylor(f, grad, x)
    assert report.slope == pytest.approx(slope, abs=0.05)
    assert report.h.shape == report.remainder.shape == (16,)


def test_taylor_of_a_linear_function_is_rounding_only():
    assert taylor(lambda x: 3 * x[0], [3.0], [1.0]).slope == np.inf


def test_a_function_that_drops_the_imaginary_part_is_caught():
    with pytest.raises(TypeError, match="f: expected a complex value at a complex x"):
        complex_step(lambda x: abs(x[0]), [1.0])


@pytest.mark.parametrize("dynamics", DYNAMICS)
@pytest.mark.parametrize("objective", OBJECTIVES)
@few
@given(choice=choices(max_T=4))
def test_adjoint_gap_is_rounding(dynamics, objective, choice):
    problem, lam = build(dynamics, objective, choice)
    assert adjoint_gap(problem, lam, t=problem.T, seed=choice.seed % 100) < 1e-12


def test_adjoint_gap_sees_a_vjp_that_lost_a_term():
    class Forgetful(hgref.Momentum):
        def vjp(self, t, s, lam, alpha):
            row, share = super().vjp(t, s, lam, alpha)
            return row, {**share, "mu": 0 * share["mu"]}

    J = Quadratic(np.diag([1.0, 2.0]), [1.0, 1.0])
    problem = hgref.Problem(Forgetful(J), J, 3)
    assert adjoint_gap(problem, [0.1, 0.9], s=[1.0, 2.0, 3.0, 4.0]) > 0.01


def test_bad_arguments_are_refused():
    problem = hgref.Problem(hgref.GradientDescent(Quadratic([[1]], [1])), Quadratic([[1]], [1]), 3)
    with pytest.raises(ValueError, match="t: expected an integer from 1 to 3, found 4"):
        adjoint_gap(problem, [0.1], t=4)
    with pytest.raises(ValueError, match=r"s: expected shape \(1,\), found \(2,\)"):
        adjoint_gap(problem, [0.1], s=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"directions: expected shape \(2, k\), found \(3,\)"):
        complex_step(lambda x: x[0], [1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"grad: expected shape \(2,\), found \(1,\)"):
        taylor(lambda x: x[0], [1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="levels: expected at least 3, found 2"):
        central_differences(lambda x: x[0], [1.0], levels=2)
    with pytest.raises(ValueError, match="x: expected finite numbers"):
        complex_step(lambda x: x[0], [np.nan])


# --- the numbers inside of the witnesses ---


def test_differences_are_taken_at_quartered_steps_relative_to_x():
    at = []

    def cube(x):
        at.append(x[0])
        return x[0] ** 3

    central_differences(cube, [2.0], levels=4)
    steps = 0.02 / 4.0 ** np.arange(4)
    np.testing.assert_allclose(at[1::2], 2 + steps, rtol=1e-15)  # after one evaluation at x itself
    np.testing.assert_allclose(at[2::2], 2 - steps, rtol=1e-15)
    at.clear()
    central_differences(cube, [0.0], levels=3)
    assert at[1] == 0.01
    at.clear()
    central_differences(cube, [2.0], enough=1e-3)
    assert len(at) == 7  # three steps agree: no smaller ones are taken


@pytest.mark.parametrize(("degree", "levels"), [(3, 2), (5, 3), (7, 4), (9, 5)])
def test_extrapolation_is_exact_on_polynomials(degree, levels):
    slopes, errors = central_differences(
        lambda x: x[0] ** degree, [1.0], [[1.0]], h=0.5, levels=levels + 2, enough=1e-10
    )
    assert slopes[0] == pytest.approx(degree, rel=1e-9)
    assert abs(slopes[0] - degree) <= errors[0]


@pytest.mark.parametrize("levels", [3, 4, 6])
def test_the_tableau_by_hand(levels):
    h, best, error = 0.5, np.nan, np.inf
    D = np.zeros((levels, levels))
    for i in range(levels):
        step = h / 4**i
        D[i, 0] = (np.exp(3 + 3 * step) - np.exp(3 - 3 * step)) / (2 * step)
        for k in range(1, i + 1):
            D[i, k] = D[i, k - 1] + (D[i, k - 1] - D[i - 1, k - 1]) / (16**k - 1)
        for k in range(i - 1):
            moved = max(abs(D[i, k] - D[i - 1, k]), abs(D[i - 1, k] - D[i - 2, k]))
            if moved < error:
                best, error = D[i, k], moved
    slopes, errors = central_differences(
        lambda x: np.exp(3 * x[0]), [1.0], [[1.0]], h=h, levels=levels + 1, enough=2 * error / best
    )
    np.testing.assert_allclose([slopes[0], errors[0]], [best, error], rtol=1e-9)
    assert abs(slopes[0] - 3 * np.exp(3)) <= errors[0]


def test_the_error_estimate_counts_rounding():
    slopes, errors = central_differences(lambda x: 1e8 + 3 * x[0], [1.0])
    assert abs(slopes[0] - 3) <= errors[0]
    assert errors[0] > 1e-8


def kinked(x):
    """Smooth but for a kink every 1e-4."""
    return x[0] ** 2 + 0.3 * np.abs((x[0] * 1e4) % 1.0 - 0.5) * 1e-4


def single(x):
    """exp in float32."""
    return float(np.exp(np.float32(x[0])) * np.float32(1.1))


@pytest.mark.parametrize("x", np.random.default_rng(0).uniform(0.3, 3, 20))
def test_the_error_estimate_covers_the_truth_for_kinks_and_for_single_precision(x):
    up = 0.3 if (x * 1e4) % 1.0 > 0.5 else -0.3
    for f, true in ((kinked, 2 * x + up), (single, 1.1 * np.exp(x))):
        slopes, errors = central_differences(f, [x])
        assert abs(slopes[0] - true) <= 10 * errors[0]  # what check_fn allows
        assert errors[0] <= 0.3 * abs(true)


def test_a_taylor_report_holds_steps_and_remainders():
    x, v = np.array([0.3, 0.4, 0.5]), np.array([1.0, -1.0, 1.0])
    g = true_gradient(x)
    report = taylor(f, g, x, v)
    h = 0.1 / 2.0 ** np.arange(16)
    np.testing.assert_allclose(report.h, h, rtol=1e-15)
    expected = [abs(f(x + k * v) - f(x) - k * g @ v) for k in h[:6]]
    np.testing.assert_allclose(report.remainder[:6], expected, rtol=1e-9)
    assert taylor(f, g, x, v, h=0.05, levels=2).h.tolist() == [0.05, 0.025]


def test_the_default_direction_has_random_signs_and_the_size_of_x():
    x, at, signs = np.array([0.3, 0.0, 5.0, -7.0, 2.0, 3.0, 0.5, 0.7]), [], set()

    def square(y):
        at.append(np.array(y))
        return float(np.sum(y**2))

    for seed in range(4):
        at.clear()
        taylor(square, 2 * x, x, seed=seed)
        v = (at[1] - x) / 0.1
        np.testing.assert_allclose(np.abs(v), np.where(x == 0, 1, np.abs(x)))
        signs.add(tuple(np.sign(v)))
    assert len(signs) == 4


@pytest.mark.parametrize("scale", [1e9, 1e-12])
@pytest.mark.parametrize("levels", [2, 16, 40])
def test_the_slope_ends_above_rounding_at_any_scale(scale, levels):
    """At forty halvings the remainder is noise: the slope is still 2."""
    slope = taylor(lambda x: scale * np.exp(x[0]), [scale * np.e], [1.0], [1.0], 0.05, levels).slope
    assert slope == pytest.approx(2, abs=0.06)
    assert taylor(lambda x: 0.0 * x[0], [0.0], [1.0], [1.0]).slope == np.inf


def test_the_adjoint_gap_is_relative():
    class Doubled(hgref.GradientDescent):
        def vjp(self, t, s, lam, alpha):
            row, share = super().vjp(t, s, lam, alpha)
            return 2 * row, {name: 2 * block for name, block in share.items()}

    J, w = Quadratic(np.eye(3), np.ones(3)), np.array([1.0, 2.0, 3.0])
    rng = np.random.default_rng(0)
    ds, alpha, deta = rng.standard_normal(3), rng.standard_normal(3), rng.standard_normal(1)
    down = 0.9 * ds - (w - 1) * deta
    expected = abs(alpha @ down) / np.linalg.norm(alpha) / np.linalg.norm(down)
    assert adjoint_gap(hgref.Problem(Doubled(J), J, 1, w), [0.1]) == pytest.approx(expected)


def test_a_function_that_is_flat_between_kinks_has_slope_zero_with_a_cautious_error():
    """Steps above 1e-3 cross the kinks, smaller ones see a constant."""

    def f(x):
        return float(np.maximum(abs(x[0] - 1) - 1e-3, 0))

    slopes, errors = central_differences(lambda x: f(x) + x[0] ** 0, np.ones(1))
    assert slopes[0] == 0
    lopsided = lambda x: max(x[0] - 1.001, 0.0)  # noqa: E731
    slopes, errors = central_differences(lopsided, np.ones(1))
    assert slopes[0] == 0
    assert 0.1 < errors[0] <= 1
