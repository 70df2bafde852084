"""Hyperparameters with a number for each step, weight, layer, and step and layer."""

import numpy as np
import pytest
from strategies import RANGES, relative

import hgref
from hgref.objectives import L2, MLP, Quadratic

T = 5
ALL = {
    "gd": hgref.GradientDescent,
    "nesterov": lambda J, over: hgref.Nesterov(J, weight_decay=0.1, over=over),
    "momentum": lambda J, over: hgref.Momentum(J, dampening=0.3, over=over),
    "adam-paper": hgref.Adam,
    "adam-optax": lambda J, over: hgref.Adam(J, "optax", over=over),
    "adamw": lambda J, over: hgref.AdamW(J, over=over),
    "rmsprop": lambda J, over: hgref.RMSProp(J, over=over),
    "adagrad": lambda J, over: hgref.AdaGrad(J, "optax", over=over),
    "lasso": lambda J, over: hgref.Proximal(J, over=over),
    "elastic-net": lambda J, over: hgref.Proximal(J, "elastic-net", over=over),
    "box": lambda J, over: hgref.Proximal(J, "box", over=over),
    "lion": hgref.Lion,
}
INSIDE = {**RANGES, "ridge": (0.0, 0.5), "l1": (0.05, 0.3), "lo": (-0.4, -0.2), "hi": (0.2, 0.4)}
KINDS = ["steps", "weights", "blocks", ("steps", "blocks")]


def network(rng):
    """Two layers, p = 24 weights, L = 2."""
    X, y = rng.standard_normal((6, 3)), rng.integers(0, 3, 6)
    return MLP(X, y, (3,), classes=3)


def posed(name, kinds, seed=0):
    """A problem whose hyperparameters have the kinds in turn, and a point of it."""
    rng = np.random.default_rng(seed)
    J, E = network(rng) + L2("weight", name="ridge"), network(rng)
    names = ALL[name](J, over=None).names
    over = dict(zip(names, kinds, strict=False))
    problem = hgref.Problem(ALL[name](J, over=over), E, T, rng.uniform(-0.5, 0.5, J.p))
    shapes = problem.layout.shapes
    lam = {n: rng.uniform(*INSIDE[n], shape) for n, shape in shapes.items()}
    return problem, problem.pack(**lam), over


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("name", ALL)
def test_all_products_are_those_of_the_complex_step(name, kind):
    """Every hyperparameter of the dynamics has numbers of one kind."""
    problem, lam, _ = posed(name, [kind] * 9)
    shape = {"steps": (T,), "weights": (24,), "blocks": (2,), ("steps", "blocks"): (T, 2)}[kind]
    assert all(problem.layout.shapes[n] == shape for n in problem.dynamics.names)
    true = hgref.witness.complex_step(problem.f, lam)
    assert np.count_nonzero(true) > lam.size / 3 or name == "lion"
    for algorithm in (hgref.reverse, hgref.forward, hgref.checkpointed):
        assert relative(algorithm(problem, lam).grad, true) < 1e-12
    assert hgref.witness.adjoint_gap(problem, lam, t=3) < 1e-12


@pytest.mark.parametrize("name", ALL)
def test_kinds_stand_beside_each_other(name):
    """A number beside numbers of weights: the bias correction of Adam mixes two of them."""
    for turn in range(4):
        kinds = [*KINDS[turn:], *KINDS[:turn]]
        problem, lam, over = posed(name, kinds[:2], seed=turn)
        assert len(over) == min(2, len(problem.dynamics.names))
        true = hgref.witness.complex_step(problem.f, lam)
        assert relative(hgref.reverse(problem, lam).grad, true) < 1e-12
        assert relative(hgref.forward(problem, lam).grad, true) < 1e-12


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("name", ["nesterov", "adam-paper", "box"])
def test_check_and_the_part_report_agree(name, kind):
    problem, lam, _ = posed(name, [kind])
    g = hgref.reverse(problem, lam)
    assert hgref.check(problem, lam, g).verdict == "right"
    wrong = g.grad.copy()
    wrong[0] *= 1 + 1e-6
    assert hgref.check(problem, lam, wrong).verdict == "wrong"
    assert hgref.check_dynamics(problem.dynamics, T=T).verdict == "right"


def test_independent_weights_have_each_the_gradient_of_its_own_run():
    """A diagonal quadratic: weight j with its own η_j, μ_j is a problem of one weight."""
    rng = np.random.default_rng(1)
    A, b, w0 = rng.uniform(0.5, 2, 3), rng.standard_normal(3), rng.standard_normal(3)
    eta, mu = rng.uniform(0.1, 0.3, 3), rng.uniform(0.2, 0.8, 3)
    over = {"eta": "weights", "mu": "weights"}
    J = Quadratic(np.diag(A), b)
    problem = hgref.Problem(hgref.Momentum(J, over=over), J, 7, w0)
    g = hgref.reverse(problem, {"eta": eta, "mu": mu})
    for j in range(3):
        alone = Quadratic([[A[j]]], [b[j]])
        one = hgref.Problem(hgref.Momentum(alone), alone, 7, w0[j : j + 1])
        own = hgref.reverse(one, {"eta": eta[j], "mu": mu[j]})
        np.testing.assert_allclose([g["eta"][j], g["mu"][j]], [own["eta"], own["mu"]], rtol=1e-12)


def test_equal_numbers_are_the_number():
    """Their gradients add up to that of the number, for every kind."""
    rng = np.random.default_rng(2)
    J, E = network(rng), network(rng)
    one = hgref.Problem(hgref.Momentum(J), E, T, J.start(0))
    g = hgref.reverse(one, {"eta": 0.1, "mu": 0.9})
    for kind in KINDS:
        problem = hgref.Problem(hgref.Momentum(J, over={"eta": kind}), E, T, J.start(0))
        many = hgref.reverse(
            problem, {"eta": np.full(problem.layout.shapes["eta"], 0.1), "mu": 0.9}
        )
        assert many["eta"].sum() == pytest.approx(g["eta"], rel=1e-12)
        np.testing.assert_allclose(many.s_T, g.s_T, rtol=1e-14)


def test_windows_of_schedules_of_layers_chain():
    rng = np.random.default_rng(3)
    J, E = network(rng), network(rng)
    dynamics = hgref.Momentum(J, over={"eta": ("steps", "blocks")})
    lam = {"eta": rng.uniform(0.05, 0.2, (6, 2)), "mu": 0.5}
    whole = hgref.reverse(hgref.Problem(dynamics, E, 6, J.start(0)), lam, trace=True)
    first = hgref.Problem(dynamics, E, 3, J.start(0))
    start = {**lam, "eta": lam["eta"][:3]}
    *_, middle = first.states(start)
    later = hgref.reverse(hgref.Problem(dynamics, E, 3, s0=middle, t0=4), lam)
    assert not later["eta"][:3].any()
    np.testing.assert_allclose(later["eta"][3:], whole["eta"][3:], rtol=1e-12)


def test_mistakes_of_schedules_are_told_of_layers_too():
    rng = np.random.default_rng(4)
    J, E = network(rng), network(rng)
    dynamics = hgref.GradientDescent(J, over={"eta": ("steps", "blocks")})
    problem = hgref.Problem(dynamics, E, T, J.start(0))
    lam = {"eta": np.linspace(0.3, 0.1, 2 * T).reshape(T, 2)}
    late = {"eta": np.concatenate([lam["eta"][:1], lam["eta"][:-1]])}
    run = hgref.reverse(problem, late)["eta"]  # step t trains with row t − 1, answers for it
    wrong = np.concatenate([run[:1] + run[1:2], run[2:], 0 * run[:1]])
    assert hgref.diagnose(problem, lam, wrong.reshape(-1))[0].name == "schedule-one-off"


def test_own_objectives_name_their_layers():
    J = Quadratic(np.eye(3), [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="Quadratic has no layers and no named tensors"):
        hgref.GradientDescent(J, over={"eta": "blocks"})
    J.layer_labels = np.array([0, 1, 0])
    problem = hgref.Problem(hgref.GradientDescent(J, over={"eta": "blocks"}), J, 2)
    lam = problem.pack(eta=[0.1, 0.2])
    true = hgref.witness.complex_step(problem.f, lam)
    np.testing.assert_allclose(hgref.reverse(problem, lam).grad, true, rtol=1e-12)


def test_numbers_of_two_meanings_are_refused():
    J = Quadratic(np.eye(3), [1.0, 2.0, 3.0])
    problem = hgref.Problem(hgref.GradientDescent(J), J, 3)
    both = r"the steps or the weights: give the dynamics over=\{\"eta\": \"steps\"\} or over="
    for lam in ({"eta": [0.1, 0.2, 0.3]}, [0.1, 0.2, 0.3]):
        with pytest.raises(ValueError, match=both):
            hgref.reverse(problem, lam)
    told = hgref.Problem(hgref.GradientDescent(J, over={"eta": "steps"}), J, 3)
    assert hgref.reverse(told, [0.1, 0.2, 0.3]).grad.shape == (3,)
    layered = network(np.random.default_rng(0))
    with pytest.raises(ValueError, match="the steps or the blocks"):
        hgref.Problem(hgref.GradientDescent(layered), layered, 2).pack(eta=[0.1, 0.2])
    with pytest.raises(ValueError, match=r"schedule \(5,\), found \(3,\), .* \"weights\"\}"):
        hgref.Problem(hgref.GradientDescent(J), J, 5).pack(eta=[0.1, 0.2, 0.3])


def test_what_over_refuses():
    J = Quadratic(np.eye(3), [1.0, 2.0, 3.0])
    for over, kind, match in (
        ("weights", TypeError, "over: expected a mapping of names, found str"),
        ({"mu": "weights"}, ValueError, "unknown over: hyperparameter 'mu'"),
        ({"eta": "layers"}, ValueError, "over: expected one of .* for 'eta', found 'layers'"),
        ({"eta": 3}, ValueError, "over: expected one of"),
        ({"eta": {"steps": 1}}, ValueError, "over: expected one of"),
    ):
        with pytest.raises(kind, match=match):
            hgref.GradientDescent(J, over=over)
    problem = hgref.Problem(hgref.GradientDescent(J, over={"eta": "weights"}), J, 5)
    with pytest.raises(ValueError, match=r"eta: expected shape \(3,\), found \(\)"):
        problem.pack(eta=0.1)
    ends = hgref.Proximal(J, "box", over={"lo": "weights"})
    with pytest.raises(ValueError, match="hi − lo"):
        hgref.reverse(hgref.Problem(ends, J, 2), {"eta": 0.1, "lo": [0, 2, 0], "hi": 1.0})


def test_a_transform_that_does_not_fit_is_refused():
    J = Quadratic(np.eye(3), [1.0, 2.0, 3.0])
    late = hgref.transforms.Cosine("eta", T=7)
    problem = hgref.Problem(hgref.GradientDescent(J), J, 5, transform=late)
    with pytest.raises(ValueError, match=r"expected shape \(\) or a schedule \(5,\) of λ's block"):
        hgref.reverse(problem, {"eta_peak": 0.1, "eta_end": 0.0})


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_taylor_slope_is_two(kind):
    problem, lam, _ = posed("adam-optax", [kind] * 9)
    g = hgref.reverse(problem, lam)
    reports = [hgref.witness.taylor(problem.f, g.grad, lam, h=0.01, seed=k) for k in range(5)]
    assert max(reports, key=lambda r: r.remainder[-1]).slope == pytest.approx(2, abs=0.05)
    wrong = g.grad + 0.03 * np.linalg.norm(g.grad) * lam / np.linalg.norm(lam)
    assert hgref.witness.taylor(problem.f, wrong, lam, lam).slope == pytest.approx(1, abs=0.05)
