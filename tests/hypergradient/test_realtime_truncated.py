"""RTHO backwards: against shorter runs, the complex step along its path, and RTHO forwards."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import DYNAMICS, build, choices, few, relative

import hgref
from hgref.outer import GradientDescent


class Watched:
    """Moves λ by −rate · ∇f_t and remembers every ∇f_t."""

    def __init__(self, rate=0.0):
        self.rate, self.grads = rate, []

    def start(self, lam):
        return np.zeros(0)

    def update(self, k, lam, grad, memory):
        self.grads.append(grad)
        return lam - self.rate * grad, memory


def plain(T, learn_w0=False):
    """A problem that can be cut: no mini-batches and no schedules; E depends on λ directly."""
    rng = np.random.default_rng(3)
    J = hgref.objectives.Logistic(rng.standard_normal((9, 3)), rng.integers(0, 2, 9))
    J, w0 = J + hgref.objectives.L2(), rng.standard_normal(4)
    problem = hgref.Problem(hgref.Momentum(J), J, T, w0, learn_w0=learn_w0)
    return problem, problem.pack(eta=0.2, mu=0.7, l2=0.1)


@pytest.mark.parametrize("learn_w0", [False, True])
@pytest.mark.parametrize(("every", "K"), [(4, None), (4, 1), (4, 3), (4, 6), (3, 12), (12, 12)])
def test_while_lam_stays_every_gradient_is_that_of_a_shorter_run(every, K, learn_w0):
    problem, lam = plain(12, learn_w0)
    outer = Watched()
    run = hgref.realtime_truncated(problem, lam, every, K, outer=outer)
    assert run.t.tolist() == list(range(every, 13, every))
    for t, f, grad in zip(run.t, run.f, outer.grads, strict=True):
        cut = hgref.Problem(problem.dynamics, problem.E, int(t), problem.w0, learn_w0=learn_w0)
        true = hgref.truncated(cut, lam, min(every if K is None else K, t))
        assert np.array_equal(grad, true.grad)
        assert f == true.f
    assert np.array_equal(run.s_T, hgref.reverse(problem, lam).s_T)
    if K == 12:
        assert np.array_equal(outer.grads[-1], hgref.reverse(problem, lam).grad)


@pytest.mark.parametrize("dynamics", DYNAMICS)
@pytest.mark.parametrize("objective", ["with-l2", "softmax", "callback", "two-heads"])
@few
@given(choice=choices(max_T=15), rate=st.sampled_from([1e-12, 1e-3, 1e-2]), adam=st.booleans())
def test_back_to_the_start_it_takes_the_path_of_rtho(dynamics, objective, choice, rate, adam):
    """Z_t along the λ's that were used, or α_t back along them: the same derivative."""
    problem, lam = build(dynamics, objective, choice)
    every = 1 + choice.seed % problem.T
    outer = hgref.outer.Adam(rate, eps=1e-2) if adam else GradientDescent(rate)

    def project(x):
        return np.clip(x, lam - 0.5 * np.abs(lam), lam + 0.005 * np.abs(lam))  # beta2 < 1

    true = hgref.realtime(problem, lam, every, outer, project)
    found = hgref.realtime_truncated(problem, lam, every, problem.T, outer, project)
    assert relative(found.lam, true.lam) < 1e-9
    assert relative(found.s_T, true.s_T) < 1e-9
    np.testing.assert_allclose(found.f, true.f, rtol=1e-9)


@pytest.mark.parametrize("dynamics", DYNAMICS)
@few
@given(choice=choices(max_T=12), data=st.data())
def test_gradients_are_the_complex_step_through_the_last_steps_of_the_path(dynamics, choice, data):
    problem, lam = build(dynamics, "with-l2", choice)
    layout = problem.at(lam).layout
    every, K = (data.draw(st.integers(1, problem.T)) for _ in "ΔK")
    outer = Watched(1e-3)
    run = hgref.realtime_truncated(problem, lam, every, K, outer, np.abs)

    def f_t(t, shift):
        at = [layout.split(x) for x in run.lam]
        moved = [layout.split(x + shift) for x in run.lam]
        s = problem.start(moved[0] if t <= K else at[0])
        for r in range(1, t + 1):
            s = problem.step(r, s, (moved if r > t - K else at)[(r - 1) // every])
        return problem.error(t, s, moved[(t - 1) // every])

    for t, grad in zip(run.t, outer.grads, strict=True):
        witness = hgref.witness.complex_step(lambda x, t=t: f_t(t, x), 0 * lam)
        assert np.linalg.norm(grad - witness) < 1e-11 * np.linalg.norm(witness) + 1e-14


def test_only_the_blocks_asked_for_move_in_the_order_asked_for():
    problem, lam = plain(12)
    some, full = Watched(), Watched()
    moved = hgref.realtime_truncated(problem, lam, 5, 2, Watched(0.1), wrt=["l2", "eta"])
    hgref.realtime_truncated(problem, lam, 5, 2, some, wrt=["l2", "eta"])
    hgref.realtime_truncated(problem, lam, 5, 2, full)
    eta, _, l2 = full.grads[0]
    assert some.grads[0].tolist() == [l2, eta]
    assert np.ptp(moved["mu"]) == 0 < np.ptp(moved["eta"])


def test_progress_and_projection_are_those_of_realtime():
    problem, lam = plain(9)
    seen = []

    def progress(steps):
        for t in steps:
            seen.append(t)
            yield t

    run = hgref.realtime_truncated(
        problem, lam, 2, outer=GradientDescent(9.0), project=lambda x: x.clip(0, 0.3),
        progress=progress,
    )  # fmt: skip
    assert seen == list(range(1, 10))
    assert run.lam.min() >= 0
    assert run.lam.max() == 0.3
    assert run.lam[0].tolist() == [0.2, 0.3, 0.1]


def test_what_cannot_be_is_refused():
    problem, lam = plain(5)
    for K in (0, 6):
        with pytest.raises(ValueError, match=f"K: expected an integer from 1 to 5, found {K}"):
            hgref.realtime_truncated(problem, lam, 2, K)
    with pytest.raises(ValueError, match="every: expected an integer from 1 to 5, found 6"):
        hgref.realtime_truncated(problem, lam, 6)
    with pytest.raises(TypeError, match="outer: expected a step"):
        hgref.realtime_truncated(problem, lam, 2, outer=3)
