"""Each fast function against its readable twin, on all random problems that can be compiled.

The twin is judged by outside witnesses on the same problems (tests/hypergradient); the witnesses
stand here once more on the fast layer itself, in test_witnesses.py.
"""

import inspect
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import DYNAMICS, OBJECTIVES, TASKS, build, choices, compiled_pairs, few, relative

import hgref
from hgref.fast import cpu
from hgref.verify.witness import complex_step

COMPILED = [name for name in OBJECTIVES if name != "callback"]
everywhere = pytest.mark.parametrize("dynamics", DYNAMICS)
of_all = pytest.mark.parametrize(("dynamics", "objective"), compiled_pairs([*COMPILED, *TASKS]))


# of single steps, where the fast layer takes many at once; estimates
READABLE = {"trace", "alpha", "discount", "directions", "seed"}


@pytest.mark.parametrize(("fast", "readable"), cpu.TWINS.items(), ids=lambda f: f.__module__)
def test_signatures_begin_with_the_twins(fast, readable):
    found, whole = (list(inspect.signature(f).parameters.items()) for f in (fast, readable))
    expected = [(name, p) for name, p in whole if name not in READABLE]
    assert [name for name, _ in found[: len(expected)]] == [name for name, _ in expected]
    assert [p.default for _, p in found[: len(expected)]] == [p.default for _, p in expected]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for _, p in found[len(expected) :])


def assert_same(found, true, tolerance=1e-11):
    assert close(found.grad, true.grad, tolerance)
    assert close(found.s_T, true.s_T, tolerance)
    assert found.f == pytest.approx(true.f, rel=tolerance, abs=tolerance)
    assert found.layout == true.layout


def close(found, true, tolerance=1e-11):
    """Equal in the norm of the whole; a gradient that is 0 but for rounding is 0 in both."""
    return np.linalg.norm(found - true) < tolerance * np.linalg.norm(true) + 1e-14


@of_all
@few
@given(choice=choices(), recompute=st.booleans())
def test_reverse(dynamics, objective, choice, recompute):
    problem, lam = build(dynamics, objective, choice)
    found, true = cpu.reverse(problem, lam, recompute=recompute), hgref.reverse(problem, lam)
    if not close(found.grad, true.grad):  # a run that amplifies rounding: both are off the truth
        truth = complex_step(problem.f, lam)
        off, twin_off = np.linalg.norm(found.grad - truth), np.linalg.norm(true.grad - truth)
        assert off < 2 * twin_off + 1e-11 * np.linalg.norm(truth)
    assert close(found.s_T, true.s_T, 1e-10)
    assert found.f == pytest.approx(true.f, rel=1e-11)


@of_all
@few
@given(choice=choices(max_T=12), data=st.data())
def test_forward(dynamics, objective, choice, data):
    problem, lam = build(dynamics, objective, choice)
    names = list(problem.read(lam).layout.shapes)
    wrt = data.draw(st.none() | st.lists(st.sampled_from(names), min_size=1, unique=True))
    partials = data.draw(st.booleans())
    true = hgref.forward(problem, lam, wrt, partials)
    found = cpu.forward(problem, lam, wrt, partials)
    assert_same(found, true)
    if partials:
        assert close(found.partials, true.partials)


@of_all
@few
@given(choice=choices(), recompute=st.booleans(), data=st.data())
def test_checkpointed_and_truncated(dynamics, objective, choice, recompute, data):
    problem, lam = build(dynamics, objective, choice)
    k = data.draw(st.integers(1, problem.T))
    found = cpu.checkpointed(problem, lam, k, recompute=recompute)
    assert_same(found, hgref.reverse(problem, lam))
    found = cpu.checkpointed(problem, lam, slots=k, recompute=recompute)
    assert_same(found, hgref.checkpointed(problem, lam, slots=k))
    found = cpu.truncated(problem, lam, k, recompute=recompute)
    assert_same(found, hgref.truncated(problem, lam, k))


@everywhere
@few
@given(choice=choices(), data=st.data())
def test_realtime(dynamics, choice, data):
    problem, lam = build(dynamics, "with-l2" if dynamics == "momentum" else "softmax", choice)
    every = data.draw(st.integers(1, problem.T))
    step = hgref.outer.GradientDescent(1e-4)
    true = hgref.realtime(problem, lam, every, step, np.abs)
    found = cpu.realtime(problem, lam, every, step, np.abs)
    assert relative(found.lam, true.lam) < 1e-11
    assert relative(found.s_T, true.s_T) < 1e-11
    assert np.array_equal(found.t, true.t)


@pytest.mark.parametrize("objective", ["softmax", "two-heads", "coupled"])
@few
@given(choice=choices(6), count=st.integers(1, 6))
def test_forward_on_workers(objective, choice, count):
    problem, lam = build("momentum", objective, choice)
    alone = cpu.forward(problem, lam)
    with ThreadPoolExecutor(1) as executor:
        found = cpu.forward(problem, lam, executor=executor, workers=count)
    assert_same(found, alone, 1e-12)
