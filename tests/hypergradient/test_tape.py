"""What a run keeps for the way back: the rule, its bytes, and that both kinds of tape agree."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from strategies import KINKED, build, choices, few

import hgref
from hgref.hypergradient.reverse import multipliers
from hgref.hypergradient.tape import MOST, bytes_kept, numbers, taped
from hgref.objectives import L2, MLP, Logistic, Softmax


@pytest.mark.parametrize("objective", KINKED)
@few
@given(choice=choices(max_T=6))
def test_steps_that_are_linearised_again_give_the_same_bits(objective, choice):
    problem, lam = build("adam-torch", objective, choice)
    run = problem.at(lam)
    kept, again = (
        multipliers(run, *taped(run, run.start(), 1, run.T, run.T, most)) for most in (MOST, 0)
    )
    assert np.array_equal(kept.grad, again.grad)
    assert np.array_equal(kept.s_T, again.s_T)


def test_the_rule():
    J = hgref.objectives.Quadratic(np.eye(3), np.ones(3))
    problem = hgref.Problem(hgref.Momentum(J), J, 10)
    assert numbers(problem) == 6 + 3  # s_t and g
    assert bytes_kept(problem, 10) == 8 * 10 * 9
    assert bytes_kept(problem, 10, most=90) == 8 * 90
    assert bytes_kept(problem, 10, most=89) == 8 * 60


def softmax(random, T):
    return Softmax(random.standard_normal((300, 20)), random.integers(0, 5, 300), 5) + L2()


def logistic(random, T):
    return Logistic(random.standard_normal((900, 20)), random.integers(0, 2, 900)) + L2()


def in_batches(random, T):
    batches = random.integers(0, 300, (T, 50))
    X, y = random.standard_normal((300, 20)), random.integers(0, 5, 300)
    return MLP(X, y, (30, 20), batches=batches) + L2()


@pytest.mark.parametrize("objective", [softmax, logistic, in_batches])
def test_bytes_are_those_that_reverse_allocates(objective):
    T, random = 300, np.random.default_rng(0)
    J = objective(random, T)
    problem = hgref.Problem(hgref.Momentum(J), hgref.objectives.L2(), T, 0.1 * np.ones(J.p))
    lam = problem.pack(eta=0.01, mu=0.5, l2=0.1)
    hgref.reverse(problem, lam)
    tracemalloc.start()
    try:
        hgref.reverse(problem, lam)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    scratch = 8 * (20 * problem.d + 8 * J.kept)  # of one step
    objects = 6_000 * T  # Python's own: closures, mappings, array headers
    assert bytes_kept(problem, T) <= peak + scratch
    assert peak <= 1.05 * bytes_kept(problem, T) + scratch + objects
