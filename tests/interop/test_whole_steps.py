"""Whole steps and mini-batches in PyTorch and JAX, against hgref's dynamics and differences."""

from typing import NamedTuple

import numpy as np
import pytest

import hgref
from hgref.objectives import L2, LeastSquares

# torch compiles its rules for forward mode with a function that it calls deprecated
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")

rng = np.random.default_rng(0)
X, y = rng.standard_normal((12, 3)), rng.standard_normal(12)
Xv, yv = rng.standard_normal((9, 3)), rng.standard_normal(9)
ROWS = rng.integers(0, 12, (6, 4))  # a mini-batch for each step
POINT = {"eta": 0.1, "mu": 0.8, "l2": 0.05}
SHAPES = dict.fromkeys(POINT, ())


class Slots(NamedTuple):
    velocity: object
    empty: object = None


def gradient(framework, w, lam, X, y):
    residual = X @ w - y
    return X.T @ residual / len(y) + lam["l2"] * w


def heavy_ball(framework, rows=None):
    """Momentum on least squares, as a user writes it; the state is nested, and counts its steps."""
    data = framework.data(X), framework.data(y)
    batches = None if rows is None else [(framework.data(X[r]), framework.data(y[r])) for r in rows]

    def step(t, state, lam):
        here = data if batches is None else batches[t - 1]
        w, slots = state["model"][0], state["slots"]
        v = lam["mu"] * slots.velocity + gradient(framework, w, lam, *here)
        return {
            "model": [w - lam["eta"] * v],
            "slots": Slots(v),
            "count": state["count"] + 1,
        }

    start = {
        "model": [framework.make(np.zeros(3))],
        "slots": Slots(framework.make(np.zeros(3))),
        "count": framework.make(0, "int32"),
    }
    return step, start


def validation(framework, start, weights=lambda state: state["model"][0]):
    Xd, yd = framework.data(Xv), framework.data(yv)

    def fn(state, lam):
        residual = Xd @ weights(state) - yd
        return (residual * residual).mean() / 2

    return framework.interop.objective(fn, start)


def problem_of(framework, rows=None):
    step, start = heavy_ball(framework, rows)
    dynamics = framework.interop.dynamics(step, start, SHAPES)
    return hgref.Problem(dynamics, validation(framework, start), T=6)


def same_by_hand(rows=None):
    J = LeastSquares(X, y, bias=False, batches=rows) + L2()
    return hgref.Problem(hgref.Momentum(J), LeastSquares(Xv, yv, bias=False), T=6)


@pytest.mark.parametrize("rows", [None, ROWS], ids=["all", "batches[t - 1] of a list"])
def test_a_users_momentum_is_hgrefs(framework, rows):
    problem, own = problem_of(framework, rows), same_by_hand(rows)
    true = hgref.reverse(own, POINT)
    for algorithm in (hgref.reverse, hgref.forward, hgref.checkpointed):
        found = algorithm(problem, POINT)
        assert found.f == pytest.approx(float(true.f), rel=1e-13)
        for name in POINT:
            np.testing.assert_allclose(found[name], true[name], rtol=1e-12, atol=1e-15)


def test_state_counters_are_carried_and_have_no_derivative(framework):
    problem = problem_of(framework)
    s = hgref.reverse(problem, POINT).s_T
    state = problem.dynamics.unflatten(s)
    assert int(state["count"]) == 6
    assert "int32" in str(state["count"].dtype)
    assert state["slots"].empty is None
    place = problem.dynamics.parts(problem.d)["state['count']"]
    step = problem.dynamics.at(1, s, problem.unpack(POINT))
    alpha = np.zeros(problem.d)
    alpha[place] = 1
    row, share = step.vjp(alpha)
    assert not row.any()
    assert not any(block.any() for block in share.values())


def test_check_and_check_dynamics_judge_it(framework):
    problem = problem_of(framework)
    right = hgref.reverse(same_by_hand(), POINT).blocks
    assert hgref.check(problem, POINT, right).verdict == "right"
    wrong = {**right, "mu": right["mu"] * (1 + 1e-7)}
    assert hgref.check(problem, POINT, wrong).verdict == "wrong"
    assert hgref.check_dynamics(problem.dynamics, POINT).verdict == "right"


def test_diagnose_names_a_sign(framework):
    problem = problem_of(framework)
    found = hgref.diagnose(problem, POINT, -hgref.reverse(problem, POINT).grad)
    assert found[0].name == "sign"


def test_a_start_that_lambda_makes(framework):
    """MAML: the start is λ, or a function of it."""
    xp = framework.xp

    def step(t, w, lam):
        return w - lam["eta"] * gradient(framework, w, {"l2": 0.0}, *data)

    def start(lam):
        return xp.tanh(lam["w"]) * lam["eta"]

    data = framework.data(X), framework.data(y)
    dynamics = framework.interop.dynamics(step, start, {"eta": (), "w": (3,)})
    E = validation(framework, framework.make(np.zeros(3)), lambda w: w)
    problem = hgref.Problem(dynamics, E, T=4)
    lam = problem.pack(eta=0.3, w=[0.5, -1.0, 2.0])
    true, error = hgref.witness.central_differences(problem.f, lam)
    assert error.max() < 1e-8
    for algorithm in (hgref.reverse, hgref.forward):
        np.testing.assert_allclose(algorithm(problem, lam).grad, true, rtol=1e-7)
    assert hgref.check_dynamics(dynamics, {"eta": 0.3, "w": [0.5, -1.0, 2.0]}).verdict == "right"
    with pytest.raises(ValueError, match="w0: expected None, as the dynamics makes its start"):
        hgref.Problem(dynamics, E, T=4, w0=np.zeros(3))


def test_training_starts_at_the_templates_values(framework):
    template = framework.make([0.5, -1.0, 2.0])  # float32 has these numbers
    J = framework.interop.objective(lambda w, lam: (w * w).sum(), template)
    problem = hgref.Problem(hgref.GradientDescent(J + L2()), J, T=2)
    np.testing.assert_array_equal(problem.start({"eta": 0.1, "l2": 0.0}), [0.5, -1.0, 2.0])


def test_batches_reach_the_loss_at_their_step(framework):
    batches = [(framework.data(X[r]), framework.data(y[r])) for r in ROWS]

    def fn(w, lam, batch):
        residual = batch[0] @ w - batch[1]
        return (residual * residual).mean() / 2

    J = framework.interop.objective(fn, framework.make(np.zeros(3)), batches=batches)
    E = validation(framework, framework.make(np.zeros(3)), lambda w: w)
    problem = hgref.Problem(hgref.Momentum(J + L2()), E, T=6)
    true, found = hgref.reverse(same_by_hand(ROWS), POINT), hgref.reverse(problem, POINT)
    np.testing.assert_allclose(found.grad, true.grad, rtol=1e-12)
    with pytest.raises(ValueError, match="batches: expected one a step, 7, found 6"):
        hgref.Problem(hgref.Momentum(J), E, T=7)


@pytest.mark.parametrize("batches", [iter([1]), {"a": 1}, 3, "ab"])
def test_batches_that_are_no_sequence_are_refused(framework, batches):
    with pytest.raises(TypeError, match="batches: expected a sequence with one item a step"):
        framework.interop.objective(
            lambda w, lam, b: 0, framework.make(np.zeros(3)), batches=batches
        )


def bad_steps(framework):
    """What step returns for each mistake, and the words about it."""
    return {
        "shape": (lambda w: w[:2], r"state\['w'\]: expected shape \(3,\) from step, found \(2,\)"),
        "precision": (framework.single, r"state\['w'\]: expected float64 from step"),
    }


@pytest.mark.parametrize("case", ["shape", "precision"])
def test_steps_that_return_something_else_are_refused(framework, case):
    change, words = bad_steps(framework)[case]
    start = {"w": framework.make(np.zeros(3))}
    dynamics = framework.interop.dynamics(lambda t, s, lam: {"w": change(s["w"])}, start, {})
    with pytest.raises((ValueError, TypeError), match=words):
        dynamics.step(1, np.zeros(3), {})


def test_a_missing_and_an_extra_part_of_a_state_are_named(framework):
    start = {"w": framework.make(np.zeros(3)), "v": framework.make(np.zeros(3))}
    less = framework.interop.dynamics(lambda t, s, lam: {"w": s["w"]}, start, {})
    with pytest.raises(
        ValueError, match=r"state\['v'\]: expected shape \(3,\) from step, found no"
    ):
        less.step(1, np.zeros(6), {})
    more = framework.interop.dynamics(lambda t, s, lam: {**s, "x": s["w"]}, start, {})
    with pytest.raises(ValueError, match=r"state\['x'\]: expected a state like the start"):
        more.step(1, np.zeros(6), {})


def test_a_block_that_is_not_declared_is_refused(framework):
    start = framework.make(np.zeros(3))
    dynamics = framework.interop.dynamics(lambda t, w, lam: w * lam["eta"], start, {})
    with pytest.raises(ValueError, match="fn reads block 'eta', but hyper declares only"):
        dynamics.step(1, np.zeros(3), {})


def test_divergence_names_the_part_of_the_state(framework):
    problem = problem_of(framework)
    with pytest.raises(hgref.Diverged, match=r"state\['(model|slots)'\]"):
        hgref.reverse(hgref.Problem(problem.dynamics, problem.E, T=900), {**POINT, "eta": 1e9})


def test_a_step_that_draws_is_undecided(framework):
    noise = np.random.default_rng(1)

    def step(t, w, lam):
        return w - lam["eta"] * (w - framework.data(noise.standard_normal(3)))

    dynamics = framework.interop.dynamics(step, framework.make(np.zeros(3)), {"eta": ()})
    problem = hgref.Problem(dynamics, validation(framework, framework.make(np.zeros(3)), id_), T=3)
    found = hgref.check(problem, [0.1], [1.0])
    assert found.verdict == "undecided"
    assert "is not a function of (s, λ)" in found.reason


def id_(w):
    return w


def test_a_transform_of_the_framework(framework):
    made = framework.interop.transform(
        lambda theta: {"l2": theta["root"] ** 2, "mu": framework.xp.tanh(theta["wish"])},
        {"root": (), "wish": ()},
    )
    J, E = LeastSquares(X, y) + L2(), LeastSquares(Xv, yv)
    problem = hgref.Problem(hgref.Momentum(J), E, T=6, transform=made)
    theta = problem.pack(eta=0.1, wish=0.7, root=0.3)
    true, error = hgref.witness.central_differences(problem.f, theta)
    for algorithm in (hgref.reverse, hgref.forward):
        np.testing.assert_allclose(algorithm(problem, theta).grad, true, rtol=1e-8)
    assert error.max() < 1e-9
    assert hgref.check(problem, theta, hgref.forward(problem, theta).grad).verdict == "right"
