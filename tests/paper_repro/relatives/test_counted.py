"""The objective that counts, the fewest steps, the bytes: against what is known."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import build, choices, few

import hgref
from paper_repro.costs.measure import most_bytes
from paper_repro.relatives.counted import Counted
from paper_repro.relatives.optimum import fewest_steps


@few
@given(choice=choices(max_T=6))
@pytest.mark.parametrize("objective", ["quadratic", "with-l2", "softmax", "callback"])
def test_counting_changes_no_number(objective, choice):
    problem, lam = build("momentum", objective, choice)
    J = Counted(problem.dynamics.J)
    same = hgref.Problem(
        hgref.Momentum(J), problem.E, problem.T, problem.w0, learn_w0=problem.learn_w0
    )
    assert same.shapes() == problem.shapes()
    for method in (hgref.forward, hgref.reverse):
        np.testing.assert_array_equal(method(same, lam).grad, method(problem, lam).grad)
    T, m = problem.T, lam.size
    assert (J.gradients, J.H, J.M) == (2 * T, m * T + T, m * T + T)


def test_checks_and_values_are_those_of_what_is_counted():
    X, y = np.eye(3), np.array([0, 1, 1])
    J = hgref.objectives.Softmax(X, y, 2, example_weights=True, batches=np.zeros((4, 1), int))
    counted, w = Counted(J), np.arange(8.0)
    lam = {"weights": np.array([1.0, 2.0, 3.0])}
    assert counted.value(1, w, lam) == J.value(1, w, lam)
    np.testing.assert_array_equal(counted.grad_lam(2, w, lam)["weights"],
                                  J.grad_lam(2, w, lam)["weights"])  # fmt: skip
    assert list(counted.terms()) == [J]
    with pytest.raises(ValueError, match="batches"):
        hgref.Problem(hgref.GradientDescent(counted), J, 3)
    with pytest.raises(ValueError, match="weights: expected"):
        counted.check_blocks({"weights": -np.ones(3)})


def test_a_product_without_hyperparameters_is_one_with_h_alone():
    J = Counted(hgref.objectives.Quadratic(np.eye(2), np.zeros(2)))
    J.at(1, np.zeros(2), {}).jvp(np.ones((2, 5)), {})
    assert (J.gradients, J.H, J.M) == (1, 5, 0)


@given(T=st.integers(1, 60), slots=st.integers(1, 8))
def test_the_fewest_steps_are_the_binomial_form(T, slots):
    """r T − C(s+r, s+1): Griewank and Walther 2000, Proposition 1."""
    r = next(r for r in range(T + 1) if math.comb(slots + r, slots) >= T)
    assert fewest_steps(T, slots)[-1] == r * T - math.comb(slots + r, slots + 1)


def test_few_steps_by_hand():
    assert fewest_steps(1, 3) == [0, 0, 0]
    assert fewest_steps(3, 3) == [3, 2, 2]  # s_0 and s_1 kept: 2 steps and none
    assert fewest_steps(4, 2)[-1] == 4  # keep s_2: two, s_3 by one, s_1 by one


def test_bytes_are_those_at_the_peak_and_tracing_ends():
    def run():
        np.ones(1_000_000)  # freed at once
        return np.ones(10)

    peak, result = most_bytes(run)
    assert 8_000_000 <= peak < 8_100_000
    assert result.sum() == 10
    with pytest.raises(ZeroDivisionError):
        most_bytes(lambda: 1 / 0)
    assert not tracemalloc.is_tracing()
