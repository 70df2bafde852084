"""The binomial schedule against a dynamic programme, and what a run then takes and keeps."""

import functools
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hgref
from hgref.hypergradient.checkpointed import leaf_and_slots
from hgref.hypergradient.treeverse import fewest_steps, repetitions, treeverse
from hgref.run import Run


@functools.cache
def F(T, slots):
    """The least number of steps that bring every s_{t-1}, by trying every place to keep one."""
    if slots == 1 or T == 1:
        return T * (T - 1) // 2
    return min(k + F(k, slots) + F(T - k, slots - 1) for k in range(1, T))


def gone_back(T, slots):
    """(what treeverse yields, how often each step was run) with the number t for the state s_t."""
    times = np.zeros(T + 1, int)

    def run(first, last, s):
        assert s == first - 1 <= last
        times[first : last + 1] += 1
        return last

    return list(treeverse(run, 0, T, slots)), times


@pytest.mark.parametrize("slots", range(1, 11))
def test_steps_are_the_fewest_there_are(slots):
    for T in range(1, 61):
        pairs, times = gone_back(T, slots)
        assert pairs == [(t, t - 1) for t in range(T, 0, -1)]
        assert times.sum() == F(T, slots) == fewest_steps(T, slots)
        assert times.max() == repetitions(T, slots)


@given(T=st.integers(1, 2000), slots=st.integers(1, 3000))
def test_long_runs_and_many_slots(T, slots):
    pairs, times = gone_back(T, slots) if slots > 1 else gone_back(T % 100 + 1, slots)
    T = len(pairs)
    assert times.sum() == fewest_steps(T, slots)
    if slots >= T - 1:
        assert times.sum() == T - 1


def test_a_hundred_thousand_steps():
    pairs, times = gone_back(100_000, 10)
    assert pairs[-1] == (1, 0)
    assert times.sum() == fewest_steps(100_000, 10)


@pytest.mark.parametrize("slots", [1, 2, 3, 7])
def test_no_more_states_are_kept_than_there_are_slots(slots):
    """Beside them there is the one in hand."""

    class State:
        pass

    alive, most = weakref.WeakSet(), 0

    def run(first, last, s):
        nonlocal most
        made = State()
        alive.add(made)
        most = max(most, len(alive))
        return made

    for _, s in treeverse(run, State(), 200, slots):
        del s
    assert most == slots  # those kept beside s_0, which is not counted, and what a run brings


def counted(monkeypatch):
    """[steps run, steps linearised, most states alive at one time], filled in as runs go on."""
    seen, alive = [0, 0, 0], weakref.WeakValueDictionary()

    def watch(name):
        make = getattr(Run, name)

        def watched(*args):
            made = make(*args)
            s = made.value if name == "at" else made
            seen[0] += name == "step"
            seen[1] += name == "at"
            alive[id(s)] = s
            seen[2] = max(seen[2], len(alive))
            return made

        monkeypatch.setattr(Run, name, watched)

    for name in ("start", "step", "at"):
        watch(name)
    return seen


@pytest.mark.parametrize(
    ("T", "slots"), [(1, 1), (2, 1), (9, 1), (9, 2), (40, 3), (40, 39), (40, 99), (2000, 10)]
)
def test_steps_run_and_states_kept(T, slots, monkeypatch):
    J = hgref.objectives.Quadratic(np.diag([1.0, 0.3]), [1.0, -1.0])
    problem = hgref.Problem(hgref.Momentum(J), J, T)
    lam = [0.05, 0.9]
    true = hgref.reverse(problem, lam)
    seen = counted(monkeypatch)
    found = hgref.checkpointed(problem, lam, slots=slots)
    r = repetitions(T, slots)
    assert seen[0] == fewest_steps(T, slots) <= r * T
    assert seen[1] == T
    assert seen[2] <= min(slots, T) + 4
    assert np.array_equal(found.grad, true.grad)
    assert np.array_equal(found.s_T, true.s_T)
    assert found.f == true.f


def test_the_count_of_another_implementation():
    """That counts each step once more, when it is taken for the adjoint to follow: F + T."""
    schedules = pytest.importorskip("checkpoint_schedules")
    from checkpoint_schedules.multistage import optimal_steps_binomial

    for T, slots in [(2, 1), (9, 1), (10, 3), (30, 4), (61, 10), (200, 5)]:
        steps = 0
        for action in schedules.Revolve(T, slots):
            if isinstance(action, schedules.Forward):
                steps += action.n1 - action.n0
            if isinstance(action, schedules.EndReverse):
                break
        assert steps == optimal_steps_binomial(T, slots) == fewest_steps(T, slots) + T


def test_bad_slots_are_refused():
    J = hgref.objectives.Quadratic([[1.0]], [1.0])
    problem = hgref.Problem(hgref.GradientDescent(J), J, 5)
    with pytest.raises(ValueError, match="slots: expected at least 1, found 0"):
        hgref.checkpointed(problem, [0.1], slots=0)
    with pytest.raises(TypeError, match="slots: expected an integer, found 1.5"):
        hgref.checkpointed(problem, [0.1], slots=1.5)
    with pytest.raises(ValueError, match="every, slots: expected one of them, found 2 and 3"):
        hgref.checkpointed(problem, [0.1], every=2, slots=3)


def test_the_default_distance_is_the_root_of_t_rounded_up():
    found = [leaf_and_slots(None, None, T)[0] for T in (1, 2, 4, 5, 9, 10, 16, 17, 10**6)]
    assert found == [1, 2, 2, 3, 3, 4, 4, 5, 1000]
