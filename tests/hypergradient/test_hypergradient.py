"""The algorithms against outside witnesses, on random problems of every kind."""

import numpy as np
import pytest
from hypothesis import assume, given
from strategies import DYNAMICS, KINKED, OBJECTIVES, Choice, build, choices, few, pairs, relative

import hgref
from hgref.objectives import L2, Softmax
from hgref.verify.witness import central_differences, complex_step, taylor

every_dynamics = pytest.mark.parametrize("dynamics", DYNAMICS)
every_pair = pytest.mark.parametrize(("dynamics", "objective"), pairs(OBJECTIVES))
even_with_kinks = pytest.mark.parametrize(("dynamics", "objective"), pairs(KINKED))


@even_with_kinks
@few
@given(choice=choices())
def test_reverse_and_forward_are_the_complex_step_through_the_run(dynamics, objective, choice):
    problem, lam = build(dynamics, objective, choice)
    witness = complex_step(problem.f, lam)
    reverse, forward = hgref.reverse(problem, lam), hgref.forward(problem, lam)
    assert relative(reverse.grad, witness) < 1e-11
    assert relative(forward.grad, reverse.grad) < 1e-12
    assert reverse.f == forward.f == problem.f(lam)
    assert np.array_equal(reverse.s_T, forward.s_T)


@every_pair
@few
@given(choice=choices())
def test_reverse_is_the_central_difference(dynamics, objective, choice):
    problem, lam = build(dynamics, objective, choice)
    g = hgref.reverse(problem, lam)
    rng = np.random.default_rng(choice.seed + 3)
    directions = rng.choice([-1.0, 1.0], (lam.size, 2)) * np.abs(lam)[:, None]
    slopes, errors = central_differences(problem.f, lam, directions)
    scale = np.linalg.norm(g.grad * lam)  # the differences are taken relative to λ
    assert np.all(np.abs(g.grad @ directions - slopes) < 1e-6 * scale + 10 * errors)
    assert np.all(errors < 1e-6 * max(scale, 1e-6))


@every_pair
@few
@given(choice=choices())
def test_taylor_slope_is_two(dynamics, objective, choice):
    """In one of five directions: in the others the second and third order may cancel at such steps.

    Where a gradient is wrong, its error alone is left of the remainder at the smallest ones.
    """
    problem, lam = build(dynamics, objective, choice)
    g = hgref.reverse(problem, lam)
    h = 0.003 if "eps" in g and "beta2" not in g else 0.01  # where g is small their curvature turns
    reports: list = []
    while len(reports) < 5 and not any(abs(report.slope - 2) < 0.05 for report in reports):
        reports.append(taylor(problem.f, g.grad, lam, h=h, levels=10, seed=len(reports)))
    # 0 where no gradient reaches the weights: f is constant
    assume(any(report.remainder[0] > 0 for report in reports))
    assert min(abs(report.slope - 2) for report in reports) < 0.05


@every_pair
def test_taylor_slope_of_a_gradient_that_is_wrong_by_three_percent_is_one(dynamics, objective):
    problem, lam = build(dynamics, objective, Choice(1, 12, *[False] * 5, (False,) * 5))
    g, v = hgref.reverse(problem, lam), np.abs(lam)
    wrong = g.grad + 0.03 * np.linalg.norm(g.grad) * v / np.linalg.norm(v)
    assert taylor(problem.f, wrong, lam, v).slope == pytest.approx(1, abs=0.05)


@even_with_kinks
@few
@given(choice=choices())
def test_checkpointed_and_full_truncated_are_reverse_to_the_last_bit(dynamics, objective, choice):
    problem, lam = build(dynamics, objective, choice)
    g = hgref.reverse(problem, lam)
    others = [hgref.truncated(problem, lam, K=problem.T), hgref.checkpointed(problem, lam)]
    others += [hgref.checkpointed(problem, lam, every=k) for k in {1, 2, 3, problem.T}
               if k <= problem.T]  # fmt: skip
    others += [hgref.checkpointed(problem, lam, slots=k) for k in (3, problem.T + 1)]
    for other in others:
        assert np.array_equal(other.grad, g.grad)
        assert np.array_equal(other.s_T, g.s_T)
        assert other.f == g.f


@every_dynamics
@few
@given(choice=choices(max_T=12))
def test_truncated_drops_the_influence_of_early_steps(dynamics, choice):
    """The last K terms are the hypergradient of the last K steps, started at s_{T-K}."""
    problem, lam = build(dynamics, "softmax", choice)
    run = problem.at(lam)
    blocks, layout = run.lam, run.layout
    states = list(problem.states(blocks))
    K = 1 + choice.seed % problem.T

    def f_of_the_tail(x):
        s, parts = states[problem.T - K], layout.split(x)
        for t in range(problem.T - K + 1, problem.T + 1):
            s = problem.step(t, s, parts)
        return problem.error(problem.T, s, parts)

    witness = layout.split(complex_step(f_of_the_tail, lam))
    found = hgref.truncated(problem, lam, K)
    if problem.learn_w0 and K < problem.T:
        assert not found["w0"].any()
    for name in witness:
        if name != "w0":
            scale = np.linalg.norm(found.grad) or 1.0
            assert np.linalg.norm(found[name] - witness[name]) < 1e-11 * scale


@every_dynamics
@few
@given(choice=choices(max_T=8))
def test_partial_hypergradients_are_those_of_shorter_runs(dynamics, choice):
    """∇f_t(λ) = dE(s_t)/dλ, by the complex step through t steps.                     eq. (16)"""
    problem, lam = build(dynamics, "with-l2", choice)
    layout = problem.at(lam).layout
    g = hgref.forward(problem, lam, partials=True)
    assert g.partials.shape == (problem.T, lam.size)
    assert np.array_equal(g.partials[-1], g.grad)

    def f_t(t):
        def f(x):
            parts = layout.split(x)
            for step, s in enumerate(problem.states(parts)):
                if step == t:
                    return problem.error(t, s, parts)

        return f

    for t in {1, (problem.T + 1) // 2, problem.T}:
        assert relative(g.partials[t - 1], complex_step(f_t(t), lam)) < 1e-11


@every_dynamics
@few
@given(choice=choices())
def test_some_columns_of_z_are_the_columns_of_all(dynamics, choice):
    problem, lam = build(dynamics, "with-l2", choice)
    full = hgref.forward(problem, lam)
    names = problem.dynamics.names[::-1][:2]
    some = hgref.forward(problem, lam, wrt=names)
    assert tuple(some) == names  # in the order in which they were asked for
    for name in names:
        np.testing.assert_allclose(some[name], full[name], rtol=1e-11, atol=1e-13)


@even_with_kinks
@few
@given(choice=choices(max_T=5))
def test_dense_jacobians_make_the_same_gradient(dynamics, objective, choice):
    """The equations with matrices: α_t A_t, α_t B_t summed; and A_t, B_t are jacobians of Φ_t."""
    problem, lam = build(dynamics, objective, choice)
    run = problem.at(lam)
    blocks, layout = run.lam, run.layout
    states = list(problem.states(blocks))
    alpha, direct = problem.error_grad(problem.T, states[-1], blocks)
    grad = layout.flatten({**layout.zeros(lam), **direct})
    for t in range(problem.T, 0, -1):
        s = states[t - 1]
        A, B = hgref.jacobians.A(problem, t, s, lam), hgref.jacobians.B(problem, t, s, lam)
        j = (choice.seed + t) % problem.d
        moved = problem.dynamics.step(t, s + 1e-30j * np.eye(problem.d)[j], blocks).imag / 1e-30
        np.testing.assert_allclose(A[:, j], moved, rtol=1e-11, atol=1e-13)
        grad, alpha = grad + alpha @ B, alpha @ A
    if problem.learn_w0:
        grad[layout.slices["w0"]] += problem.dynamics.weights(alpha)
    assert relative(hgref.reverse(problem, lam).grad, grad) < 1e-11


def test_the_complex_step_through_reverse_is_a_symmetric_hessian():
    """Multipliers and shares stay complex: a schedule, example weights in batches, groups, w0."""
    T, rng = 4, np.random.default_rng(0)
    X, y = rng.standard_normal((6, 3)), rng.integers(0, 3, 6)
    J = Softmax(X, y, 3, example_weights=True, batches=rng.integers(0, 6, (T, 5)))
    J, E = J + L2(J.block_labels), Softmax(X[:4], y[:4], 3)
    problem = hgref.Problem(hgref.Momentum(J), E, T, rng.standard_normal(J.p), learn_w0=True)
    lam = problem.pack(eta=rng.uniform(0.1, 0.3, T), mu=0.5, weights=np.ones(6), l2=[0.1, 0.2])
    layout, v = lam.layout, rng.standard_normal(lam.size)

    def gradient(x):
        return hgref.reverse(problem, layout.split(x)).grad

    along = gradient(lam + 1e-30j * v).imag / 1e-30
    h = 1e-4
    differences = (gradient(lam + h * v) - gradient(lam - h * v)) / (2 * h)
    for name, part in layout.slices.items():
        assert relative(along[part], differences[part]) < 1e-6, name
    u = rng.standard_normal(lam.size)
    across = gradient(lam + 1e-30j * u).imag / 1e-30
    assert u @ along == pytest.approx(v @ across, rel=1e-11)


def test_traces_are_the_multipliers_and_the_sensitivities():
    problem, lam = build("momentum", "softmax", Choice(3, 5, *[False] * 5, (False,) * 5))
    g, h = hgref.reverse(problem, lam, trace=True), hgref.forward(problem, lam, trace=True)
    assert g.trace.shape == (6, problem.d)
    assert h.trace.shape == (6, problem.d, lam.size)
    states = list(problem.states(lam))
    row, direct = problem.error_grad(5, states[-1], lam)
    np.testing.assert_array_equal(g.trace[5], row)
    for t in range(1, 6):
        A = hgref.jacobians.A(problem, t, states[t - 1], lam)
        B = hgref.jacobians.B(problem, t, states[t - 1], lam)
        assert relative(g.trace[t - 1], g.trace[t] @ A) < 1e-12
        assert relative(h.trace[t], A @ h.trace[t - 1] + B) < 1e-12
    for t in range(6):  # α_t Z_t is what the steps up to t contribute
        later = sum(
            g.trace[k] @ hgref.jacobians.B(problem, k, states[k - 1], lam) for k in range(t + 1, 6)
        )
        whole = g.trace[t] @ h.trace[t] + later + problem.layout.gathered(direct)
        assert relative(whole, g.grad) < 1e-12
    assert hgref.reverse(problem, lam).trace is None
    with pytest.raises(ValueError, match="trace: expected no executor"):
        hgref.forward(problem, lam, trace=True, executor=object())
