"""What a run keeps for the way back: the rule, its bytes, and that both kinds of tape agree."""

import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import given
from strategies import KINKED, build, choices, few

import hgref
from hgref.hypergradient import tape
from hgref.hypergradient.reverse import multipliers
from hgref.hypergradient.tape import bytes_kept, numbers, taped
from hgref.objectives import L2, MLP, Logistic, Softmax


@pytest.mark.parametrize("objective", KINKED)
@few
@given(choice=choices(max_T=6))
def test_steps_that_are_linearised_again_give_the_same_bits(objective, choice):
    problem, lam = build("adam-torch", objective, choice)
    run = problem.at(lam)
    kept, again = (
        multipliers(run, *taped(run, run.start(), 1, run.T, run.T, whole))
        for whole in (True, False)
    )
    assert np.array_equal(kept.grad, again.grad)
    assert np.array_equal(kept.s_T, again.s_T)


def test_the_rule(monkeypatch):
    J = hgref.objectives.Quadratic(np.eye(3), np.ones(3))
    problem = hgref.Problem(hgref.Momentum(J), J, 10)
    assert numbers(problem) == 6 + 3  # s_t and g
    assert bytes_kept(problem, 10) == 8 * 10 * 9
    monkeypatch.setattr(tape, "MOST", 90)
    assert bytes_kept(problem, 10) == 8 * 90
    monkeypatch.setattr(tape, "MOST", 89)
    assert bytes_kept(problem, 10) == 8 * 60


def test_a_sum_keeps_what_its_terms_keep():
    random = np.random.default_rng(0)
    one = Softmax(random.standard_normal((30, 20)), random.integers(0, 5, 30), 5)
    two = MLP(random.standard_normal((70, 20)), random.integers(0, 5, 70), (), classes=5)
    assert (one.kept, two.kept) == (30 * 5, 70 * 5)
    assert (one + L2() + two).kept == 100 * 5


def short_run():
    J = hgref.objectives.Quadratic(np.eye(3), np.ones(3))
    return hgref.Problem(hgref.Momentum(J), J, 5, np.zeros(3)).at([0.1, 0.5])


@pytest.mark.parametrize(("most", "whole"), [(3 * 9, True), (3 * 9 - 1, False)])
def test_the_last_steps_alone_are_linearised_and_once(most, whole, monkeypatch):
    """At most `most` numbers: 9 a step, see above, and K = 3 of 5 steps."""
    run, calls = short_run(), []

    def watched(name, make):
        def call(t, s):
            calls.append((name, t))
            return make(t, s)

        return call

    run.at, run.step = watched("at", run.at), watched("step", run.step)
    monkeypatch.setattr(tape, "MOST", most)
    _, back = taped(run, run.start(), 1, 5, 3)
    last = "at" if whole else "step"
    assert calls == [("step", 1), ("step", 2), *((last, t) for t in (3, 4, 5))]
    calls.clear()
    assert [t for t, _ in back] == [5, 4, 3]
    assert calls == ([] if whole else [("at", t) for t in (5, 4, 3)])


def test_a_step_that_was_linearised_again_is_gone_before_the_next():
    run, values = short_run(), []
    make = run.at

    def at(t, s):
        assert [value() for value in values] == [None] * len(values)
        step = make(t, s)
        values.append(weakref.ref(step.value))
        return step

    run.at = at
    multipliers(run, *taped(run, run.start(), 1, 5, 5, whole=False))
    assert len(values) == 5


def softmax(random, T):
    return Softmax(random.standard_normal((300, 20)), random.integers(0, 5, 300), 5) + L2()


def logistic(random, T):
    return Logistic(random.standard_normal((900, 20)), random.integers(0, 2, 900)) + L2()


def in_batches(random, T):
    batches = random.integers(0, 300, (T, 50))
    X, y = random.standard_normal((300, 20)), random.integers(0, 5, 300)
    return MLP(X, y, (30, 20), batches=batches) + L2()


def softmax_in_batches(random, T):
    """What a step keeps is mostly residuals and targets of its batch."""
    batches = random.integers(0, 300, (T, 400))
    return Softmax(random.standard_normal((300, 3)), random.integers(0, 5, 300), 5, batches=batches)


@pytest.mark.parametrize("objective", [softmax, logistic, in_batches, softmax_in_batches])
def test_bytes_are_those_that_reverse_allocates(objective):
    T, random = 300, np.random.default_rng(0)
    J = objective(random, T)
    problem = hgref.Problem(hgref.Momentum(J), hgref.objectives.L2(), T, 0.1 * np.ones(J.p))
    lam = problem.pack(eta=0.01, mu=0.5, l2=0.1)  # l2 of J or of E
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
