"""Steps that are run from checkpoints, counted, and states that are kept."""

import math

import numpy as np
import pytest

import hgref
from hgref.fast import cpu
from hgref.fast.cpu.stretches import Stretches
from hgref.hypergradient.treeverse import fewest_steps, leaf_of, steps_in_leaves

LAM = [0.05, 0.9]


def problem(T):
    J = hgref.objectives.Quadratic(np.diag([1.0, 0.3]), [1.0, -1.0])
    return hgref.Problem(hgref.Momentum(J), J, T)


@pytest.fixture
def steps(monkeypatch):
    """How often each step was run."""
    times = {}

    def counted(taken):
        def call(run, j, s):
            first, last = run.span(j)
            for t in range(first, last + 1):
                times[t] = times.get(t, 0) + 1
            return taken(run, j, s)

        return call

    for name in ("at", "step"):
        monkeypatch.setattr(Stretches, name, counted(getattr(Stretches, name)))
    return times


@pytest.mark.parametrize(
    ("T", "slots"), [(1, 1), (7, 1), (9, 2), (60, 5), (60, 8), (60, 59), (60, 99), (1000, 12)]
)
def test_steps_with_slots(T, slots, steps):
    true = hgref.reverse(problem(T), LAM)
    found = cpu.checkpointed(problem(T), LAM, slots=slots)
    np.testing.assert_allclose(found.grad, true.grad, rtol=1e-11)
    np.testing.assert_allclose(found.s_T, true.s_T, rtol=1e-12)
    assert sorted(steps) == list(range(1, T + 1))
    assert sum(steps.values()) == steps_in_leaves(T, slots)
    if slots == 1:
        assert sum(steps.values()) == T + T * (T - 1) // 2


@pytest.mark.parametrize(("T", "every"), [(1, 1), (60, 7), (60, 8), (60, 60)])
def test_steps_with_a_distance(T, every, steps):
    cpu.checkpointed(problem(T), LAM, every)
    assert sum(steps.values()) == T + every * (math.ceil(T / every) - 1) < 2 * T


def test_leaves_are_as_long_as_there_are_slots_or_less():
    for T in range(1, 80):
        for slots in range(1, 90):
            leaf = leaf_of(T, slots)
            leaves = math.ceil(T / leaf)
            assert 1 <= leaf <= min(slots, T)
            assert leaves == math.ceil(T / slots) or slots * slots < T
            assert steps_in_leaves(T, slots) == T + leaf * fewest_steps(leaves, slots)
            if slots * slots >= T:  # one state of each leaf is kept
                assert steps_in_leaves(T, slots) < 2 * T


def test_both_are_refused():
    with pytest.raises(ValueError, match="every, slots: expected one of them, found 2 and 3"):
        cpu.checkpointed(problem(9), LAM, 2, 3)
