"""Whole steps in NumPy, against hgref's own dynamics, differences, and the complex step of f."""

import numpy as np
import pytest

import hgref
from hgref.objectives import L2, LeastSquares, Quadratic

rng = np.random.default_rng(0)
X, y = rng.standard_normal((12, 3)), rng.standard_normal(12)
POINT = {"eta": 0.1, "mu": 0.8, "l2": 0.05}
SHAPES = dict.fromkeys(POINT, ())


def heavy_ball(t, state, lam):
    w, (v,) = state["w"], state["slots"]
    v = lam["mu"] * v + X.T @ (X @ w - y) / len(y) + lam["l2"] * w
    return {"slots": (v,), "w": w - lam["eta"] * v, "count": state["count"] + 1}


def cast(t, state, lam):
    """The same with numbers that Python's float() casts: no complex step."""
    w, (v,) = state["w"], state["slots"]
    v = float(lam["mu"]) * v + X.T @ (X @ w - y) / len(y) + lam["l2"] * w
    return {"slots": (v,), "w": w - lam["eta"] * v, "count": state["count"] + 1}


def drops(t, state, lam):
    """The same with an imaginary part that is silently lost in one number alone."""
    return heavy_ball(t, state, {**lam, "mu": abs(lam["mu"])})


START = {"slots": (np.zeros(3),), "w": np.array([0.5, -1.0, 2.0]), "count": 0}
E = Quadratic(np.diag([0.0, 0, 0, 1, 1, 1, 0]), [0, 0, 0, 0.3, 0.1, -0.2, 0])


def problem_of(step, T=6, **products):
    return hgref.Problem(hgref.StepMap(step, START, SHAPES, **products), E, T)


def same_by_hand():
    J = LeastSquares(X, y, bias=False) + L2()
    return hgref.Problem(hgref.Momentum(J), Quadratic(np.eye(3), [0.3, 0.1, -0.2]), 6, START["w"])


@pytest.mark.parametrize(
    ("step", "rtol"), [(heavy_ball, 1e-12), (cast, 1e-9), (drops, 1e-9)], ids=lambda x: str(x)[:20]
)
@pytest.mark.parametrize("algorithm", [hgref.reverse, hgref.forward, hgref.checkpointed])
def test_it_is_hgrefs_momentum(step, rtol, algorithm):
    true, found = hgref.reverse(same_by_hand(), POINT), algorithm(problem_of(step), POINT)
    assert float(found.f) == pytest.approx(float(true.f), rel=1e-13)
    np.testing.assert_allclose(found.grad, true.grad, rtol=rtol)


def test_counters_are_carried():
    problem = problem_of(heavy_ball)
    state = problem.dynamics.unflatten(hgref.reverse(problem, POINT).s_T)
    assert state["count"] == 6
    assert state["count"].dtype.kind == "i"
    assert isinstance(state["slots"], tuple)


@pytest.mark.parametrize("step", [heavy_ball, cast, drops])
def test_check_allows_for_the_error_of_its_products(step):
    problem, right = problem_of(step), hgref.reverse(same_by_hand(), POINT).blocks
    found = hgref.check(problem, POINT, right)
    assert found.verdict == "right"
    exact = step is heavy_ball
    assert all((block.tolerance < 1e-12) == exact for block in found.blocks)
    wrong = {**right, "mu": right["mu"] * (1 + 1e-5)}
    assert hgref.check(problem, POINT, wrong).verdict == "wrong"


def own_jvp(t, state, lam, dstate, dlam):
    w, v = state["w"], heavy_ball(t, state, lam)["slots"][0]
    dw, (dv,) = dstate["w"], dstate["slots"]
    dv = lam["mu"] * dv + dlam["mu"] * state["slots"][0] + X.T @ (X @ dw) / len(y)
    dv = dv + lam["l2"] * dw + dlam["l2"] * w
    return {"slots": (dv,), "w": dw - lam["eta"] * dv - dlam["eta"] * v, "count": 0}


def own_vjp(t, state, lam, b_state):
    w, (v_old,) = state["w"], state["slots"]
    v = heavy_ball(t, state, lam)["slots"][0]
    b_w = b_state["w"]
    b_v = b_state["slots"][0] - lam["eta"] * b_w
    row = {
        "slots": (lam["mu"] * b_v,),
        "w": b_w + X.T @ (X @ b_v) / len(y) + lam["l2"] * b_v,
        "count": 0,
    }
    return row, {"eta": -b_w @ v, "mu": b_v @ v_old, "l2": b_v @ w}


def test_products_of_the_authors_own():
    true = hgref.reverse(same_by_hand(), POINT)
    problem = problem_of(heavy_ball, jvp=own_jvp, vjp=own_vjp)
    for algorithm in (hgref.reverse, hgref.forward):
        np.testing.assert_allclose(algorithm(problem, POINT).grad, true.grad, rtol=1e-12)
    assert hgref.check_dynamics(problem.dynamics, POINT).verdict == "right"


def test_check_dynamics_finds_a_wrong_vjp_and_the_part_of_the_state():
    def wrong(*arguments):
        row, share = own_vjp(*arguments)
        return {**row, "w": row["w"] + 0.01 * arguments[3]["w"]}, share

    found = hgref.check_dynamics(hgref.StepMap(heavy_ball, START, SHAPES, vjp=wrong), POINT)
    assert found.verdict == "wrong"
    assert "state['w']" in found.reason


def test_a_start_that_lambda_makes():
    step_map = hgref.StepMap(
        lambda t, w, lam: w - lam["eta"] * (w - 1),
        lambda lam: np.sin(lam["a"]),
        {"eta": (), "a": (2,)},
    )
    problem = hgref.Problem(step_map, Quadratic(np.eye(2), [0.0, 0.0]), T=3)
    lam = problem.pack(eta=0.2, a=[0.4, 1.1])
    true = hgref.witness.complex_step(problem.f, lam)
    for algorithm in (hgref.reverse, hgref.forward):
        np.testing.assert_allclose(algorithm(problem, lam).grad, true, rtol=1e-12)
    assert hgref.check(problem, lam, true).verdict == "right"


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ({}, "start: expected at least one number, found none"),
        ({"w": "abc"}, r"state\['w'\]: expected real numbers"),
        ({"w": 1j * np.ones(2)}, r"state\['w'\]: expected real numbers, found dtype complex128"),
    ],
)
def test_starts_that_are_refused(start, words):
    with pytest.raises((ValueError, TypeError), match=words):
        hgref.StepMap(lambda t, s, lam: s, start, {})


def test_a_step_that_returns_another_state_is_refused():
    step_map = hgref.StepMap(lambda t, s, lam: {"w": s["w"][:1]}, {"w": np.ones(2)}, {})
    with pytest.raises(ValueError, match="state: expected"):
        step_map.step(1, np.ones(2), {})
