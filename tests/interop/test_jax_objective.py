"""Losses written in JAX: judged by hgref's own, by differences and by autodiff through a scan."""

import importlib
import subprocess
import sys

import numpy as np
import pytest
from strategies import relative

import hgref
from hgref.objectives import L2, Quadratic, Softmax

jax = pytest.importorskip("jax")
jnp = importlib.import_module("jax.numpy")
interop = importlib.import_module("hgref.interop.jax")

rng = np.random.default_rng(0)
X, y = rng.standard_normal((12, 4)), rng.integers(0, 3, 12)
Xv, yv = rng.standard_normal((9, 4)), rng.integers(0, 3, 9)
WEIGHTS = {"weights": (12,), "l2": ()}


@pytest.fixture(autouse=True)
def _precision_of_the_user():
    """The user's own setting is float32, before and after."""
    assert not jax.config.jax_enable_x64
    yield
    assert not jax.config.jax_enable_x64
    assert jnp.ones(1).dtype == np.float32


def cross_entropy(z, labels):
    return jax.nn.logsumexp(z, axis=1) - z[np.arange(len(labels)), labels]


# --- one objective, beside hgref's own ---


def linear_loss(params, lam):
    each = cross_entropy(X @ params["W"].T + params["b"], y)
    penalty = sum((part * part).sum() for part in params.values())
    return (lam["weights"] * each).mean() + lam["l2"] * penalty / 2


TEMPLATE = {"b": np.zeros(3, np.float32), "W": np.zeros((3, 4))}  # JAX sorts: W, b


@pytest.fixture(scope="module")
def judged():
    """(J in JAX, J of hgref, w, lam)."""
    J = interop.objective(linear_loss, TEMPLATE, WEIGHTS)
    lam = {"weights": rng.uniform(0.1, 1.5, 12), "l2": np.array(0.3), "eta": np.array(0.1)}
    return J, Softmax(X, y, 3, example_weights=True) + L2(), rng.standard_normal(15), lam


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


def test_products_with_a_row(judged):
    J, own, w, lam = judged
    u = rng.standard_normal(15)
    (row, blocks), (own_row, own_blocks) = J.grad_vjp(1, w, lam, u), own.grad_vjp(1, w, lam, u)
    assert relative(row, own_row) < 1e-12
    assert set(blocks) == set(WEIGHTS)
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


def test_differences_agree(judged):
    J, _, w, lam = judged
    slopes, _ = hgref.witness.central_differences(lambda w: J.value(1, w, lam), w)
    assert relative(J.grad(1, w, lam), slopes) < 1e-8
    slopes, _ = hgref.witness.central_differences(
        lambda weights: J.value(1, w, {**lam, "weights": weights}), lam["weights"]
    )
    assert relative(J.grad_lam(1, w, lam)["weights"], slopes) < 1e-8


def test_a_loss_that_is_linear_or_ignores_a_block():
    J = interop.objective(lambda w, lam: w.sum(), np.zeros(3), {"c": (2,)})
    w, lam = np.ones(3), {"c": np.ones(2)}
    assert (J.grad(1, w, lam) == 1).all()
    dlam = {"c": np.ones((2, 2))}
    np.testing.assert_array_equal(J.grad_jvp(1, w, lam, np.ones((3, 2)), dlam), np.zeros((3, 2)))
    row, blocks = J.grad_vjp(1, w, lam, w)
    assert not row.any()
    assert not blocks["c"].any()
    assert not J.grad_lam(1, w, lam)["c"].any()


def test_a_loss_without_hyperparameters():
    J = interop.objective(lambda w, lam: (w * w).sum() / 2, np.zeros(3))
    w = np.arange(3.0)
    assert J.hyper(3) == J.grad_lam(1, w, {}) == {}
    np.testing.assert_array_equal(J.grad_jvp(1, w, {}, np.eye(3), {}), np.eye(3))
    row, blocks = J.grad_vjp(1, w, {}, w)
    np.testing.assert_array_equal(row, w)
    assert blocks == {}


# --- params and w ---


@pytest.mark.parametrize(
    "params",
    [
        np.arange(6.0).reshape(2, 3),
        jnp.array(2.0),
        [np.ones(2), {"b": jnp.zeros((1, 3)), "a": (jnp.ones(2, jnp.bfloat16), None)}],
        {"W": np.eye(2), "b": np.ones(3, np.float16), "empty": np.zeros(0)},
    ],
)
def test_flatten_and_unflatten(params):
    J = interop.objective(lambda params, lam: 0, params)
    w = J.flatten(params)
    back = J.unflatten(w)
    assert jax.tree_util.tree_structure(back) == jax.tree_util.tree_structure(params)
    assert (w.shape, w.dtype) == ((J.p,), np.float64)
    leaves = [np.asarray(leaf, float).reshape(-1) for leaf in jax.tree_util.tree_leaves(params)]
    np.testing.assert_array_equal(w, np.concatenate(leaves))
    for one, other in zip(J.leaves(back).values(), J.leaves(params).values(), strict=True):
        assert one.dtype == np.float64
        assert one.shape == other.shape


def test_unflattened_params_do_not_follow_w():
    J = interop.objective(lambda w, lam: w @ w, np.zeros(1000))
    w = np.ones(1000)
    params = J.unflatten(w)
    w[:] = 2
    assert (np.asarray(params) == 1).all()


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        (3.0, TypeError, "params: expected an array of real numbers, found float"),
        ({"a": np.zeros(3, int)}, TypeError, "params['a']: expected an array of real numbers"),
        ([np.zeros(3, complex)], TypeError, "params[0]: expected an array of real numbers"),
        ({}, ValueError, "params: expected at least one weight"),
    ],
)
def test_templates_that_are_refused(params, error, words):
    with pytest.raises(error) as info:
        interop.objective(linear_loss, params)
    assert words in str(info.value)


def test_params_unlike_the_template_are_refused():
    J = interop.objective(linear_loss, TEMPLATE, WEIGHTS)
    with pytest.raises(ValueError, match="params: expected"):
        J.flatten({"W": np.zeros((3, 4))})
    with pytest.raises(ValueError, match="params: expected"):
        J.flatten({"W": np.zeros((4, 3)), "b": np.zeros(3)})
    with pytest.raises(ValueError, match="w: expected shape"):
        J.unflatten(np.zeros(14))


# --- losses that are refused ---


@pytest.mark.parametrize(
    ("fn", "error", "words"),
    [
        (lambda w, lam: w, ValueError, "fn: expected shape ()"),
        (lambda w, lam: 1.0, TypeError, "fn: expected a scalar tensor, found float"),
        (
            lambda w, lam: w.sum().astype(np.float32),
            TypeError,
            "expected a float64 loss, found float32",
        ),
        (lambda w, lam: w.sum() * lam["eta"], ValueError, "fn reads block 'eta', but hyper"),
    ],
)
def test_losses_that_are_refused(fn, error, words):
    J = interop.objective(fn, np.zeros(2), {"c": ()})
    lam = {"c": np.array(1.0), "eta": np.array(0.1)}
    for derivative in (J.value, J.grad):
        with pytest.raises(error) as info:
            derivative(1, np.ones(2), lam)
        assert words in str(info.value)


def test_arguments_that_are_refused():
    with pytest.raises(TypeError, match="fn: expected a function"):
        interop.objective(3, np.zeros(2))
    with pytest.raises(TypeError, match="hyper: expected a mapping"):
        interop.objective(linear_loss, np.zeros(2), ["c"])
    J = interop.objective(lambda w, lam: w @ w, np.zeros(2), {"c": ()})
    with pytest.raises(ValueError, match=r"lam: expected blocks \['c'\], lacks \['c'\]"):
        J.grad(1, np.ones(2), {})


@pytest.mark.parametrize("kind", [complex, object])
def test_numbers_that_hold_more_than_float64_are_refused(judged, kind):
    J, _, w, lam = judged
    with pytest.raises(TypeError, match="w: expected float64 for a framework's loss"):
        J.grad(1, w.astype(kind), lam)
    with pytest.raises(TypeError, match="l2: expected float64"):
        J.value(1, w, {**lam, "l2": lam["l2"].astype(kind)})


# --- float64 ---


def test_a_jax_without_float64_is_refused(judged, monkeypatch):
    J, _, w, lam = judged
    with pytest.raises(RuntimeError, match="jax: expected float64 to be enabled here"):
        J.tensor(w)  # outside of J.float64()
    for home in (jax, jax.experimental):
        monkeypatch.delattr(home, "enable_x64", raising=False)
    with pytest.raises(RuntimeError, match="jax: expected enable_x64 for float64, found none"):
        J.grad(1, w, lam)


def test_a_user_who_has_float64_on_keeps_it(judged):
    J, own, w, lam = judged
    with J.float64():
        assert relative(J.grad(1, w, lam), own.grad(1, w, lam)) < 1e-12
        assert jnp.ones(1).dtype == np.float64


# --- a network, trained ---


def network(X, y):
    """Mean cross-entropy of a network with one hidden layer."""

    def loss(params, lam):
        hidden, out = params["hidden"], params["out"]
        each = cross_entropy(jnp.tanh(X @ hidden["W"] + hidden["b"]) @ out["W"] + out["b"], y)
        if "weights" not in lam:
            return each.mean()
        penalty = sum((W * W).sum() for W in (hidden["W"], out["W"]))
        return (lam["weights"] * each).mean() + lam["l2"] * penalty / 2

    return loss


def net_objectives():
    draw = np.random.default_rng(3).standard_normal
    start = {
        "hidden": {"W": draw((4, 5)) / 2, "b": draw(5) / 2},
        "out": {"W": draw((5, 3)) / 2, "b": draw(3) / 2},
    }
    J = interop.objective(network(X, y), start, WEIGHTS)
    return J, interop.objective(network(Xv, yv), start), J.flatten(start)


OBJECTIVE = {"weights": np.random.default_rng(4).uniform(0.2, 1.2, 12), "l2": np.array(0.05)}
MOMENTUM = {"eta": 0.3, "mu": 0.8, **OBJECTIVE}
ADAM = {"eta": 0.05, "beta1": 0.8, "beta2": 0.95, "eps": 1e-2, "eps_root": 1e-3, **OBJECTIVE}
T = 8


def momentum(t, lam, state, g):
    v, w = state
    v = lam["mu"] * v + g
    return v, w - lam["eta"] * v


def adam(t, lam, state, g):
    m, u, w = state
    m = lam["beta1"] * m + (1 - lam["beta1"]) * g
    u = lam["beta2"] * u + (1 - lam["beta2"]) * g * g
    m_hat, u_hat = m / (1 - lam["beta1"] ** t), u / (1 - lam["beta2"] ** t)
    return m, u, w - lam["eta"] * m_hat / (jnp.sqrt(u_hat + lam["eps_root"]) + lam["eps"])


def differentiated(train, problem, lam):
    """({name: ∇f(λ)}, w_T): JAX through a function that trains, w_T = train(w_0, λ)."""
    J, E = problem.dynamics.J, problem.E

    def error(lam):
        w = train(jnp.asarray(problem.w0), lam)
        return E.fn(E.rebuild(E.cut(w)), {}), w

    with J.float64():
        lam = {name: jnp.asarray(block, dtype=float) for name, block in lam.items()}
        return jax.jit(jax.grad(error, has_aux=True))(lam)


def scanned(rule, problem, lam):
    """The training written as one would in JAX: lax.scan over a step."""
    J = problem.dynamics.J

    def train(w, lam):
        def step(state, t):
            g = jax.grad(lambda w: J.fn(J.rebuild(J.cut(w)), lam))(state[-1])
            return rule(t, lam, state, g), None

        start = (*[jnp.zeros_like(w)] * (len(problem.dynamics.state) - 1), w)
        return jax.lax.scan(step, start, jnp.arange(1, problem.T + 1))[0][-1]

    return differentiated(train, problem, lam)


def by_optax(make, problem, lam):
    """The same with an optimizer of optax, whose hyperparameters are traced."""
    optax = pytest.importorskip("optax")
    J = problem.dynamics.J

    def train(w, lam):
        optimizer = make(optax, lam)

        def step(carry, _):
            w, state = carry
            g = jax.grad(lambda w: J.fn(J.rebuild(J.cut(w)), lam))(w)
            updates, state = optimizer.update(g, state, w)
            return (optax.apply_updates(w, updates), state), None

        return jax.lax.scan(step, (w, optimizer.init(w)), None, problem.T)[0][0]

    return differentiated(train, problem, lam)


def optax_sgd(optax, lam):
    return optax.sgd(lam["eta"], momentum=lam["mu"])


def optax_adam(optax, lam):
    return optax.adam(
        lam["eta"], b1=lam["beta1"], b2=lam["beta2"], eps=lam["eps"], eps_root=lam["eps_root"]
    )


RUNS = {
    "momentum": (hgref.Momentum, momentum, optax_sgd, MOMENTUM),
    "adam": (lambda J: hgref.Adam(J, "optax"), adam, optax_adam, ADAM),
}


@pytest.fixture(scope="module", params=RUNS)
def trained(request):
    """(problem, lam, gradient by JAX, w_T by JAX, optax's optimizer)."""
    dynamics, rule, optimizer, lam = RUNS[request.param]
    J, E, w0 = net_objectives()
    problem = hgref.Problem(dynamics(J), E, T, w0)
    return problem, lam, *scanned(rule, problem, lam), optimizer


def test_forward_and_reverse_and_autodiff_are_one(trained):
    problem, lam, gradient, w, _ = trained
    g = hgref.reverse(problem, lam)
    assert relative(hgref.forward(problem, lam).grad, g.grad) < 1e-10
    for name, block in gradient.items():
        assert relative(g[name], block) < 1e-10
    assert relative(problem.dynamics.weights(g.s_T), w) < 1e-12


def test_optax_is_one_with_them(trained):
    problem, lam, _, _, optimizer = trained
    gradient, w = by_optax(optimizer, problem, lam)
    g = hgref.reverse(problem, lam)
    for name, block in gradient.items():
        assert relative(g[name], block) < 1e-10
    assert relative(problem.dynamics.weights(g.s_T), w) < 1e-12
    assert hgref.check(problem, lam, gradient)


def test_jvp_and_vjp_are_transposes(trained):
    problem, lam = trained[:2]
    for t in (1, T):
        assert hgref.witness.adjoint_gap(problem, lam, t) < 1e-12


def test_check_takes_differences_and_finds_it_right(trained):
    problem, lam, gradient = trained[:3]
    report = hgref.check(problem, lam, gradient)
    assert report
    assert "central differences" in [witness.name for witness in report.witnesses]
    wrong = {**gradient, "l2": 1.001 * np.asarray(gradient["l2"])}
    assert not hgref.check(problem, lam, wrong)


def test_candidates_may_be_arrays_of_any_precision(trained):
    problem, lam, gradient = trained[:3]
    assert all(isinstance(block, jax.Array) for block in gradient.values())
    half = {name: jnp.asarray(np.asarray(b), dtype=np.float32) for name, b in gradient.items()}
    assert hgref.check(problem, lam, half)
    assert half["weights"].dtype == np.float32
    flat = np.concatenate([np.reshape(gradient[n], -1) for n in problem.layout.shapes])
    with problem.dynamics.J.float64():
        assert hgref.check(problem, lam, jnp.asarray(flat))


def test_another_convention_of_adam_is_named():
    J, E, w0 = net_objectives()
    problem = hgref.Problem(hgref.Adam(J, "paper"), E, T, w0)
    lam = {name: block for name, block in ADAM.items() if name != "eps_root"}
    gradient, _ = scanned(adam, problem, {**lam, "eps_root": 0.0})
    found = hgref.diagnose(problem, lam, {name: gradient[name] for name in lam})
    assert found[0].name == "adam-convention"
    assert "torch" in found[0].variant or "optax" in found[0].variant


def test_initial_weights_schedules_and_direct_dependence():
    """λ with a schedule and w0 in it, and an E that reads blocks of λ itself."""
    J, _, w0 = net_objectives()
    E = interop.objective(
        lambda params, lam: network(Xv, yv)(params, {}) + lam["l2"] ** 2 + lam["mu"] * lam["l2"],
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
    assert problem.E.grad_lam(1, w0, problem.unpack(lam))["mu"] == MOMENTUM["l2"]


def test_it_adds_to_objectives_of_hgref():
    half = interop.objective(lambda w, lam: lam["c"] * jnp.sin(w).sum(), np.zeros(3), {"c": ()})
    J = half + Quadratic(np.eye(3), np.ones(3))
    problem = hgref.Problem(hgref.GradientDescent(J), Quadratic(np.eye(3), np.zeros(3)), 5)
    lam = {"eta": 0.2, "c": 0.4}
    assert relative(hgref.forward(problem, lam).grad, hgref.reverse(problem, lam).grad) < 1e-12
    assert hgref.check(problem, lam, hgref.reverse(problem, lam).grad)


# --- the import ---


def test_hgref_does_not_import_jax():
    code = "import sys, hgref, hgref.interop; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_jax_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(sys.modules, "hgref.interop.jax")
    with pytest.raises(ModuleNotFoundError, match="python -m pip install jax"):
        importlib.import_module("hgref.interop.jax")
