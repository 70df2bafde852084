"""Losses written in PyTorch and JAX.

Compared with hgref's own objectives, with differences, and with autodiff through training loops.
"""

import importlib
import subprocess
import sys

import numpy as np
import pytest
from strategies import relative

import hgref
from hgref.objectives import L2, Quadratic, Softmax

# torch compiles its rules for forward mode with a function that it calls deprecated
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")

rng = np.random.default_rng(0)
X, y = rng.standard_normal((12, 4)), rng.integers(0, 3, 12)
Xv, yv = rng.standard_normal((9, 4)), rng.integers(0, 3, 9)
WEIGHTS = {"weights": (12,), "l2": ()}


@pytest.fixture(autouse=True)
def _settings_of_the_user(framework):
    """The user computes in float32, before and after."""
    single = f"{framework.dtypes}float32"
    assert str(framework.xp.ones(1).dtype) == single
    yield
    assert str(framework.xp.ones(1).dtype) == single


# --- the same objective in the framework and in hgref ---


def linear_objective(framework):
    """Softmax + L2, written in the framework."""

    def loss(params, lam):
        z = framework.data(X) @ params["W"].T + params["b"]
        penalty = sum((part * part).sum() for part in params.values())
        each = framework.cross_entropy(z, y)
        return (lam["weights"] * each).mean() + lam["l2"] * penalty / 2

    return framework.interop.objective(loss, framework.linear(), WEIGHTS)


def zeros(framework, *shape):
    return framework.make(np.zeros(shape))


@pytest.fixture(scope="module")
def judged(framework):
    """(J in the framework, J of hgref, w, lam)."""
    lam = {"weights": rng.uniform(0.1, 1.5, 12), "l2": np.array(0.3), "eta": np.array(0.1)}
    own = Softmax(X, y, 3, example_weights=True) + L2()
    return linear_objective(framework), own, rng.standard_normal(15), lam


def test_blocks_and_size(judged):
    J, own, _, _ = judged
    assert J.p == own.p == 15
    assert J.hyper(15) == own.hyper(15)


def test_value_and_gradients(judged):
    J, own, w, lam = judged
    assert abs(J.value(1, w, lam) - own.value(1, w, lam)) < 1e-12
    assert relative(J.grad(1, w, lam), own.grad(1, w, lam)) < 1e-12
    for name, block in own.grad_lam(1, w, lam).items():
        assert relative(J.grad_lam(1, w, lam)[name], block) < 1e-12


@pytest.mark.parametrize("moving", [(), ("l2",), ("weights", "l2"), ("weights", "l2", "eta")])
def test_products_with_columns(judged, moving):
    J, own, w, lam = judged
    dlam = {name: rng.standard_normal((*lam[name].shape, 5)) for name in moving}
    dw = rng.standard_normal((15, 5))
    found, true = J.grad_jvp(1, w, lam, dw, dlam), own.grad_jvp(1, w, lam, dw, dlam)
    assert found.shape == (15, 5)
    assert relative(found, true) < 1e-12


def test_products_with_a_row(framework, judged):
    J, own, w, lam = judged
    u = rng.standard_normal(15)
    (row, blocks), (own_row, own_blocks) = J.grad_vjp(1, w, lam, u), own.grad_vjp(1, w, lam, u)
    assert relative(row, own_row) < 1e-12
    assert list(blocks) == framework.order(WEIGHTS)
    for name, block in own_blocks.items():
        assert relative(blocks[name], block) < 1e-12


def test_numpy_comes_out_in_float64(judged):
    J, _, w, lam = judged
    row, blocks = J.grad_vjp(1, w, lam, w)
    arrays = [J.grad(1, w, lam), J.grad_jvp(1, w, lam, w[:, None], {}), row, *blocks.values()]
    for array in [*arrays, *J.grad_lam(1, w, lam).values()]:
        assert type(array) is np.ndarray
        assert array.dtype == np.float64
    assert isinstance(J.value(1, w, lam), float)


def test_arrays_that_are_read_only_and_have_negative_strides(judged):
    J, own, w, lam = judged
    backwards = w[::-1]
    backwards.flags.writeable = False
    assert relative(J.grad(1, backwards, lam), own.grad(1, backwards, lam)) < 1e-12


def test_differences_agree(judged):
    J, _, w, lam = judged
    slopes, _ = hgref.witness.central_differences(lambda w: J.value(1, w, lam), w)
    assert relative(J.grad(1, w, lam), slopes) < 1e-8
    slopes, _ = hgref.witness.central_differences(
        lambda weights: J.value(1, w, {**lam, "weights": weights}), lam["weights"]
    )
    assert relative(J.grad_lam(1, w, lam)["weights"], slopes) < 1e-8


def test_a_loss_that_is_linear_or_ignores_a_block(framework):
    J = framework.interop.objective(lambda w, lam: w.sum(), zeros(framework, 3), {"c": (2,)})
    w, lam = np.ones(3), {"c": np.ones(2)}
    assert (J.grad(1, w, lam) == 1).all()
    dlam = {"c": np.ones((2, 2))}
    np.testing.assert_array_equal(J.grad_jvp(1, w, lam, np.ones((3, 2)), dlam), np.zeros((3, 2)))
    row, blocks = J.grad_vjp(1, w, lam, w)
    assert not row.any()
    assert not blocks["c"].any()
    assert not J.grad_lam(1, w, lam)["c"].any()


def test_a_loss_without_hyperparameters(framework):
    J = framework.interop.objective(lambda w, lam: (w * w).sum() / 2, zeros(framework, 3))
    w = np.arange(3.0)
    assert J.hyper(3) == J.grad_lam(1, w, {}) == {}
    np.testing.assert_array_equal(J.grad_jvp(1, w, {}, np.eye(3), {}), np.eye(3))
    row, blocks = J.grad_vjp(1, w, {}, w)
    np.testing.assert_array_equal(row, w)
    assert blocks == {}


# --- params and w ---

TEMPLATES = {
    "matrix": lambda f: f.make(np.arange(6.0).reshape(2, 3)),
    "scalar": lambda f: f.make(2.0),
    "list": lambda f: [f.make(np.ones(2)), f.make(np.zeros((1, 3)), "float16")],
    "tuple": lambda f: (f.make(np.ones(2)), f.make(0.0)),
    "mapping": lambda f: {"W": f.make(np.eye(2)), "b": f.make(np.ones(3)), "c": zeros(f, 0)},
    "own": lambda f: f.own_template(),
}


@pytest.mark.parametrize("kind", TEMPLATES)
def test_flatten_and_unflatten(framework, kind):
    params = TEMPLATES[kind](framework)
    J = framework.interop.objective(lambda params, lam: 0, params)
    w = J.flatten(params)
    back = J.unflatten(w)
    assert framework.structure(back) == framework.structure(params)
    assert (w.shape, w.dtype) == ((J.p,), np.float64)
    leaves = [framework.numpy(leaf) for leaf in framework.leaves(params)]
    np.testing.assert_array_equal(w, np.concatenate([leaf.reshape(-1) for leaf in leaves]))
    for one, leaf in zip(framework.leaves(back), leaves, strict=True):
        assert str(one.dtype) == f"{framework.dtypes}float64"
        assert tuple(one.shape) == leaf.shape
        np.testing.assert_array_equal(framework.numpy(one), leaf)
    assert list(J.leaves(back)) == list(J.leaves(params)) == list(J.layout.shapes)


def test_a_mapping_may_come_in_any_order(framework):
    J = linear_objective(framework)
    w = np.arange(15.0)
    params = J.unflatten(w)
    assert list(params) == ["W", "b"]
    swapped = {"b": params["b"], "W": params["W"]}
    np.testing.assert_array_equal(J.flatten(swapped), w)


def test_unflattened_params_do_not_follow_w(framework):
    J = framework.interop.objective(lambda w, lam: w @ w, zeros(framework, 1000))
    w = np.ones(1000)
    params = J.unflatten(w)
    w[:] = 2
    assert (framework.numpy(params) == 1).all()


REFUSED_TEMPLATES = {
    "complex": (lambda f: [f.make(np.zeros(3), "complex64")], "params[0]: ", "complex64"),
    "complex alone": (lambda f: f.make(np.zeros(3), "complex64"), "params: ", "complex64"),
}


@pytest.mark.parametrize("kind", REFUSED_TEMPLATES)
def test_templates_that_are_refused(framework, kind):
    make, name, dtype = REFUSED_TEMPLATES[kind]
    found = f"expected {framework.noun} of real numbers, found {framework.dtypes}{dtype}"
    with pytest.raises(TypeError) as info:
        framework.interop.objective(lambda w, lam: 0, make(framework))
    assert str(info.value) == name + found


def test_a_template_of_whole_numbers_alone_is_refused(framework):
    template = {"a": framework.make(np.zeros(3), "int32")}
    with pytest.raises(TypeError, match=r"params\['a'\]: expected real numbers, found int32"):
        framework.interop.objective(lambda w, lam: 0, template)


def test_a_template_without_weights_is_refused(framework):
    with pytest.raises(ValueError, match="params: expected at least one weight"):
        framework.interop.objective(lambda w, lam: 0, {})


def test_params_unlike_the_template_are_refused(framework):
    J = linear_objective(framework)
    with pytest.raises(ValueError, match="params: expected"):
        J.flatten({"W": zeros(framework, 3, 4)})
    with pytest.raises(ValueError, match="params: expected"):
        J.flatten({"W": zeros(framework, 4, 3), "b": zeros(framework, 3)})
    with pytest.raises(ValueError, match="w: expected shape"):
        J.unflatten(np.zeros(14))


# --- losses that are refused ---

REFUSED_LOSSES = {
    "vector": (lambda f, w, lam: w, ValueError, "fn: expected shape ()"),
    "number": (lambda f, w, lam: 1.0, TypeError, "fn: expected a scalar tensor, found float"),
    "float32": (lambda f, w, lam: f.single(w.sum()), TypeError, "a float64 loss, found {}float32"),
    "block": (
        lambda f, w, lam: w.sum() * lam["eta"],
        ValueError,
        "fn reads block 'eta', but hyper",
    ),
}


@pytest.mark.parametrize("kind", REFUSED_LOSSES)
def test_losses_that_are_refused(framework, kind):
    fn, error, words = REFUSED_LOSSES[kind]
    J = framework.interop.objective(
        lambda w, lam: fn(framework, w, lam), zeros(framework, 2), {"c": ()}
    )
    lam = {"c": np.array(1.0), "eta": np.array(0.1)}
    for derivative in (J.value, J.grad):
        with pytest.raises(error) as info:
            derivative(1, np.ones(2), lam)
        assert words.format(framework.dtypes) in str(info.value)


def test_arguments_that_are_refused(framework):
    objective, params = framework.interop.objective, zeros(framework, 2)
    with pytest.raises(TypeError, match="fn: expected a function"):
        objective(3, params)
    with pytest.raises(TypeError, match="hyper: expected a mapping"):
        objective(lambda w, lam: w @ w, params, ["c"])
    J = objective(lambda w, lam: w @ w, params, {"c": ()})
    with pytest.raises(ValueError, match=r"lam: expected blocks \['c'\], lacks \['c'\]"):
        J.grad(1, np.ones(2), {})


@pytest.mark.parametrize("kind", [complex, np.longdouble, object])
def test_numbers_that_hold_more_than_float64_are_refused(judged, kind):
    J, _, w, lam = judged
    if np.dtype(kind).itemsize == 8 and kind is np.longdouble:
        pytest.skip("long double is float64 here")
    with pytest.raises(TypeError, match="w: expected float64 for a function in PyTorch or JAX"):
        J.grad(1, w.astype(kind), lam)
    with pytest.raises(TypeError, match="l2: expected float64"):
        J.value(1, w, {**lam, "l2": lam["l2"].astype(kind)})


# --- a network, trained ---


def network(framework, X, y):
    """Mean cross-entropy of a network with one hidden layer; its data stay in NumPy."""

    def loss(params, lam):
        W1, b1, W2, b2 = framework.parts(params)
        z = framework.xp.tanh(framework.data(X) @ W1 + b1) @ W2 + b2
        each = framework.cross_entropy(z, y)
        if "weights" not in lam:
            return each.mean()
        return (lam["weights"] * each).mean() + lam["l2"] * sum((W * W).sum() for W in (W1, W2)) / 2

    return loss


def net_objectives(framework):
    draw = np.random.default_rng(3).standard_normal
    start = framework.layers(*[draw(size) / 2 for size in ((4, 5), 5, (5, 3), 3)])
    J = framework.interop.objective(network(framework, X, y), start, WEIGHTS)
    return J, framework.interop.objective(network(framework, Xv, yv), start), J.flatten(start)


OBJECTIVE = {"weights": np.random.default_rng(4).uniform(0.2, 1.2, 12), "l2": np.array(0.05)}
MOMENTUM = {"eta": 0.3, "mu": 0.8, **OBJECTIVE}
ADAM = {"eta": 0.05, "beta1": 0.8, "beta2": 0.95, "eps": 1e-2, **OBJECTIVE}
T = 8


@pytest.fixture(scope="module", params=["momentum", "adam"])
def trained(framework, request):
    """(problem, λ, gradient by the framework, w_T by its loop, name of the rule)."""
    J, E, w0 = net_objectives(framework)
    if request.param == "momentum":
        dynamics, lam = hgref.Momentum(J), MOMENTUM
    else:
        dynamics, lam = hgref.Adam(J, framework.adam), ADAM
        if framework.adam == "optax":
            lam = {**lam, "eps_root": 1e-3}
    problem = hgref.Problem(dynamics, E, T, w0)
    return problem, lam, *framework.differentiated(request.param, problem, lam), request.param


def agree(framework, g, gradient):
    """Whether the hypergradient is the framework's, block by block."""
    return all(relative(g[n], framework.numpy(block)) < 1e-10 for n, block in gradient.items())


def test_forward_and_reverse_and_autodiff_are_one(framework, trained):
    problem, lam, gradient, w, _ = trained
    g = hgref.reverse(problem, lam)
    assert relative(hgref.forward(problem, lam).grad, g.grad) < 1e-10
    assert set(gradient) == set(lam)
    assert agree(framework, g, gradient)
    assert relative(problem.dynamics.weights(g.s_T), w) < 1e-12


def test_the_frameworks_own_optimizer_is_one_with_them(framework, trained):
    problem, lam, _, w, rule = trained
    gradient, its_w = framework.by_its_optimizer(rule, problem, lam)
    g = hgref.reverse(problem, lam)
    assert relative(its_w, w) < 1e-12
    assert relative(problem.dynamics.weights(g.s_T), its_w) < 1e-12
    if framework.name == "jax":  # optax's hyperparameters are traced
        assert set(gradient) == set(lam)
        assert agree(framework, g, gradient)
        assert hgref.check(problem, lam, gradient)


def test_jvp_and_vjp_are_transposes(trained):
    problem, lam = trained[:2]
    for t in (1, T):
        assert hgref.witness.adjoint_gap(problem, lam, t) < 1e-12


def test_check_takes_differences_and_finds_it_right(framework, trained):
    problem, lam, gradient = trained[:3]
    report = hgref.check(problem, lam, gradient)
    assert report
    assert "central differences" in [witness.name for witness in report.witnesses]
    wrong = {**gradient, "l2": 1.001 * framework.numpy(gradient["l2"])}
    assert not hgref.check(problem, lam, wrong)


def test_candidates_may_be_arrays_of_any_precision(framework, trained):
    problem, lam, gradient = trained[:3]
    ours = {name: framework.candidate(block) for name, block in gradient.items()}
    assert hgref.check(problem, lam, ours)
    half = {name: framework.single(block) for name, block in ours.items()}
    assert hgref.check(problem, lam, half)
    assert str(half["weights"].dtype) == f"{framework.dtypes}float32"
    parts = [framework.numpy(gradient[name]).reshape(-1) for name in problem.layout.shapes]
    with problem.dynamics.J.float64():
        flat = framework.candidate(framework.make(np.concatenate(parts), "float64"))
        assert hgref.check(problem, lam, flat)


def test_another_convention_of_adam_is_named(framework):
    J, E, w0 = net_objectives(framework)
    problem = hgref.Problem(hgref.Adam(J, "paper"), E, T, w0)
    gradient, _ = framework.differentiated("adam", problem, ADAM)
    found = hgref.diagnose(problem, ADAM, gradient)
    assert found[0].name == "adam-convention"
    assert "torch" in found[0].variant  # without eps_root torch and optax are one


def test_initial_weights_schedules_and_direct_dependence(framework):
    """λ with a schedule and w0 in it, and an E that reads blocks of λ itself."""
    J, _, w0 = net_objectives(framework)
    error = network(framework, Xv, yv)
    E = framework.interop.objective(
        lambda params, lam: error(params, {}) + lam["l2"] ** 2 + lam["mu"] * lam["l2"],
        J.unflatten(w0),
        {"l2": (), "mu": ()},
    )
    problem = hgref.Problem(hgref.Momentum(J), E, T, w0, learn_w0=True)
    lam = problem.pack(**{**MOMENTUM, "eta": np.linspace(0.4, 0.2, T)})
    g = hgref.reverse(problem, lam)
    assert relative(hgref.forward(problem, lam).grad, g.grad) < 1e-10
    V = rng.uniform(-1, 1, (lam.size, 2)) * np.abs(np.asarray(lam))[:, None]
    slopes, _ = hgref.witness.central_differences(problem.f, lam, V)
    assert relative(g.grad @ V, slopes) < 1e-8
    blocks = problem.unpack(lam)
    direct = problem.E.grad_lam(1, w0, blocks)
    assert direct["mu"] == MOMENTUM["l2"]
    assert direct["l2"] == pytest.approx(2 * blocks["l2"] + blocks["mu"])


def test_it_adds_to_objectives_of_hgref(framework):
    half = framework.interop.objective(
        lambda w, lam: lam["c"] * framework.xp.sin(w).sum(), zeros(framework, 3), {"c": ()}
    )
    J = half + Quadratic(np.eye(3), np.ones(3))
    problem = hgref.Problem(hgref.GradientDescent(J), Quadratic(np.eye(3), np.zeros(3)), 5)
    lam = {"eta": 0.2, "c": 0.4}
    assert relative(hgref.forward(problem, lam).grad, hgref.reverse(problem, lam).grad) < 1e-12
    assert hgref.check(problem, lam, hgref.reverse(problem, lam).grad)


# --- the import ---


def test_hgref_does_not_import_the_framework(framework):
    code = f"import sys, hgref, hgref.interop; print({framework.name!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_the_framework_one_sentence_says_how_to_get_it(framework, monkeypatch):
    module = f"hgref.interop.{framework.name}"
    monkeypatch.setitem(sys.modules, framework.name, None)
    monkeypatch.delitem(sys.modules, module)
    with pytest.raises(ModuleNotFoundError, match=f"python -m pip install {framework.name}"):
        importlib.import_module(module)


# --- losses that are no functions ---


def drawing(framework):
    """A loss that draws its batch at every call; under jit it would draw once."""
    random = np.random.default_rng(0)

    def loss(params, lam):
        rows = random.integers(0, 12, 4)
        z = framework.data(X[rows]) @ params["W"].T + params["b"]
        return framework.cross_entropy(z, y[rows]).mean()

    return framework.interop.objective(loss, framework.linear())


@pytest.mark.parametrize("times", [0.0, 1.0, -1.0])
def test_a_loss_that_draws_its_own_batch_is_undecided(framework, times):
    J, E = drawing(framework), Softmax(Xv, yv, 3)
    problem = hgref.Problem(hgref.GradientDescent(J), E, 5)
    g = hgref.reverse(problem, {"eta": 0.1})
    report = hgref.check(problem, {"eta": 0.1}, times * g.grad)
    assert report.verdict == "undecided"
    assert "is not a function of (w, λ): two calls at one point gave" in report.reason
    report = hgref.check_objective(J)
    assert report.verdict == "undecided"


def test_the_parts_of_a_frameworks_objective_fit(framework):
    J = linear_objective(framework)
    report = hgref.check_objective(J)
    assert report, str(report)
    assert hgref.check_dynamics(hgref.Momentum(J))


def test_the_start_may_be_given_as_the_frameworks_parameters(framework):
    J, E = linear_objective(framework), Softmax(Xv, yv, 3)
    problem = hgref.Problem(hgref.GradientDescent(J), E, 3, learn_w0=True)
    lam = {"eta": 0.1, "weights": np.ones(12), "l2": 0.1}
    g = hgref.reverse(problem, lam)
    W, b = g["w0"][:12].reshape(3, 4), g["w0"][12:]
    candidate = {"w0": {"W": framework.make(W), "b": framework.make(b)}}
    assert hgref.check(problem, lam, candidate)
