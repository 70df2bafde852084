"""Losses written in PyTorch: judged by hgref's own, by differences, by autograd through a loop."""

import importlib
import subprocess
import sys

import numpy as np
import pytest
from strategies import relative

import hgref
from hgref.objectives import L2, Quadratic, Softmax

torch = pytest.importorskip("torch")
interop = importlib.import_module("hgref.interop.torch")

# torch compiles its own rules for forward mode the old way, once
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")

rng = np.random.default_rng(0)
X, y = rng.standard_normal((12, 4)), rng.integers(0, 3, 12)
Xv, yv = rng.standard_normal((9, 4)), rng.integers(0, 3, 9)
WEIGHTS = {"weights": (12,), "l2": ()}


def cross_entropy(z, labels):
    return torch.nn.functional.cross_entropy(z, torch.tensor(labels), reduction="none")


# --- one objective, beside hgref's own ---


def linear_loss(params, lam):
    each = cross_entropy(torch.tensor(X) @ params["W"].T + params["b"], y)
    penalty = sum((part * part).sum() for part in params.values())
    return (lam["weights"] * each).mean() + lam["l2"] * penalty / 2


TEMPLATE = {"W": torch.zeros(3, 4), "b": torch.zeros(3)}


@pytest.fixture(scope="module")
def judged():
    """(J in torch, J of hgref, w, lam)."""
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
    assert list(blocks) == list(WEIGHTS)
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


def test_arrays_that_torch_does_not_like(judged):
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


def test_a_loss_that_is_linear_or_ignores_a_block():
    J = interop.objective(lambda w, lam: w.sum(), torch.zeros(3), {"c": (2,)})
    w, lam = np.ones(3), {"c": np.ones(2)}
    assert (J.grad(1, w, lam) == 1).all()
    dlam = {"c": np.ones((2, 2))}
    np.testing.assert_array_equal(J.grad_jvp(1, w, lam, np.ones((3, 2)), dlam), np.zeros((3, 2)))
    row, blocks = J.grad_vjp(1, w, lam, w)
    assert not row.any()
    assert not blocks["c"].any()
    assert not J.grad_lam(1, w, lam)["c"].any()


def test_a_loss_without_hyperparameters():
    J = interop.objective(lambda w, lam: (w * w).sum() / 2, torch.zeros(3))
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
        torch.arange(6.0).reshape(2, 3),
        torch.tensor(2.0),
        [torch.ones(2, requires_grad=True), torch.zeros(1, 3, dtype=torch.float16)],
        (torch.ones(2), torch.zeros(())),
        {"W": torch.eye(2), "b": torch.ones(3), 0: torch.zeros(0)},
        dict(torch.nn.Linear(3, 2).named_parameters()),
    ],
)
def test_flatten_and_unflatten(params):
    J = interop.objective(lambda params, lam: 0, params)
    w = J.flatten(params)
    back = J.unflatten(w)
    assert type(back) is type(params)
    assert (w.shape, w.dtype) == ((J.p,), np.float64)
    for one, other in zip(J.leaves(back).values(), J.leaves(params).values(), strict=True):
        assert one.dtype == torch.float64
        assert torch.equal(one, other.double())


def test_a_mapping_is_read_in_the_order_of_the_template():
    J = interop.objective(linear_loss, TEMPLATE, WEIGHTS)
    w = np.arange(15.0)
    params = J.unflatten(w)
    assert list(params) == ["W", "b"]
    swapped = {"b": params["b"], "W": params["W"]}
    np.testing.assert_array_equal(J.flatten(swapped), w)


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        (np.zeros(3), TypeError, "params: expected a tensor, or a mapping"),
        ({"a": np.zeros(3)}, TypeError, "params['a']: expected a tensor of real numbers"),
        ([torch.zeros(3, dtype=torch.int64)], TypeError, "params[0]: expected a tensor of real"),
        (torch.zeros(3, dtype=torch.complex64), TypeError, "found torch.complex64"),
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
        J.flatten({"W": torch.zeros(3, 4)})
    with pytest.raises(ValueError, match="params: expected"):
        J.flatten({"W": torch.zeros(4, 3), "b": torch.zeros(3)})
    with pytest.raises(ValueError, match="w: expected shape"):
        J.unflatten(np.zeros(14))


# --- losses that are refused ---


@pytest.mark.parametrize(
    ("fn", "error", "words"),
    [
        (lambda w, lam: w, ValueError, "fn: expected shape ()"),
        (lambda w, lam: 1.0, TypeError, "fn: expected a scalar tensor, found float"),
        (lambda w, lam: w.sum().float(), TypeError, "expected a float64 loss, found torch.float32"),
        (lambda w, lam: w.sum() * lam["eta"], ValueError, "fn reads block 'eta', but hyper"),
    ],
)
def test_losses_that_are_refused(fn, error, words):
    J = interop.objective(fn, torch.zeros(2), {"c": ()})
    lam = {"c": np.array(1.0), "eta": np.array(0.1)}
    for derivative in (J.value, J.grad):
        with pytest.raises(error) as info:
            derivative(1, np.ones(2), lam)
        assert words in str(info.value)


def test_arguments_that_are_refused():
    with pytest.raises(TypeError, match="fn: expected a function"):
        interop.objective(3, torch.zeros(2))
    with pytest.raises(TypeError, match="hyper: expected a mapping"):
        interop.objective(linear_loss, torch.zeros(2), ["c"])
    J = interop.objective(lambda w, lam: w @ w, torch.zeros(2), {"c": ()})
    with pytest.raises(ValueError, match=r"lam: expected blocks \['c'\], lacks \['c'\]"):
        J.grad(1, np.ones(2), {})


@pytest.mark.parametrize("kind", [complex, np.longdouble, object])
def test_numbers_that_hold_more_than_float64_are_refused(judged, kind):
    J, _, w, lam = judged
    if np.dtype(kind).itemsize == 8 and kind is np.longdouble:
        pytest.skip("long double is float64 here")
    with pytest.raises(TypeError, match="w: expected float64 for a framework's loss"):
        J.grad(1, w.astype(kind), lam)
    with pytest.raises(TypeError, match="l2: expected float64"):
        J.value(1, w, {**lam, "l2": lam["l2"].astype(kind)})


# --- a network, trained ---


def network(X, y):
    """Mean cross-entropy of a network with one hidden layer; its data stay in NumPy."""

    def loss(params, lam):
        W1, b1, W2, b2 = params
        z = torch.tanh(torch.tensor(X) @ W1 + b1) @ W2 + b2
        each = cross_entropy(z, y)
        if "weights" not in lam:
            return each.mean()
        return (lam["weights"] * each).mean() + lam["l2"] * sum((W * W).sum() for W in (W1, W2)) / 2

    return loss


def net_objectives():
    sizes = [(4, 5), (5,), (5, 3), (3,)]
    start = [torch.tensor(np.random.default_rng(3).standard_normal(size)) / 2 for size in sizes]
    J = interop.objective(network(X, y), start, WEIGHTS)
    return J, interop.objective(network(Xv, yv), start), J.flatten(start)


OBJECTIVE = {"weights": np.random.default_rng(4).uniform(0.2, 1.2, 12), "l2": 0.05}
MOMENTUM = {"eta": 0.3, "mu": 0.8, **OBJECTIVE}
ADAM = {"eta": 0.05, "beta1": 0.8, "beta2": 0.95, "eps": 1e-2, **OBJECTIVE}
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
    return m, u, w - lam["eta"] * m_hat / (u_hat.sqrt() + lam["eps"])


def unrolled(rule, problem, lam):
    """({name: ∇f(λ)}, w_T): autograd through the loop, written as one would in torch."""
    lam = {n: torch.tensor(b, dtype=torch.float64, requires_grad=True) for n, b in lam.items()}
    J, E = problem.dynamics.J, problem.E
    w = torch.tensor(problem.w0, requires_grad=True)
    state = (*[torch.zeros_like(w)] * (len(problem.dynamics.state) - 1), w)
    for t in range(1, problem.T + 1):
        loss = J.fn(J.rebuild(J.cut(state[-1])), lam)
        (g,) = torch.autograd.grad(loss, state[-1], create_graph=True)
        state = rule(t, lam, state, g)
    error = E.fn(E.rebuild(E.cut(state[-1])), {})
    return dict(zip(lam, torch.autograd.grad(error, list(lam.values())), strict=True)), state[-1]


def optimized(make, problem, lam):
    """w_T of torch's own optimizer."""
    J = problem.dynamics.J
    w = torch.tensor(problem.w0, requires_grad=True)
    optimizer = make([w], lam)
    blocks = {n: torch.tensor(lam[n], dtype=torch.float64) for n in WEIGHTS}
    for _ in range(problem.T):
        optimizer.zero_grad()
        J.fn(J.rebuild(J.cut(w)), blocks).backward()
        optimizer.step()
    return w


def torch_sgd(w, lam):
    return torch.optim.SGD(w, lr=lam["eta"], momentum=lam["mu"])


def torch_adam(w, lam):
    betas = lam["beta1"], lam["beta2"]
    return torch.optim.Adam(w, lr=lam["eta"], betas=betas, eps=lam["eps"])


RUNS = {
    "momentum": (hgref.Momentum, momentum, torch_sgd, MOMENTUM),
    "adam": (lambda J: hgref.Adam(J, "torch"), adam, torch_adam, ADAM),
}


@pytest.fixture(scope="module", params=RUNS)
def trained(request):
    """(problem, lam, gradient by torch, w_T by torch's loop, torch's optimizer)."""
    dynamics, rule, optimizer, lam = RUNS[request.param]
    J, E, w0 = net_objectives()
    problem = hgref.Problem(dynamics(J), E, T, w0)
    return problem, lam, *unrolled(rule, problem, lam), optimizer


def test_forward_and_reverse_and_autograd_are_one(trained):
    problem, lam, gradient, w, optimizer = trained
    g = hgref.reverse(problem, lam)
    assert relative(hgref.forward(problem, lam).grad, g.grad) < 1e-10
    for name, block in gradient.items():
        assert relative(g[name], block.numpy()) < 1e-10
    assert relative(problem.dynamics.weights(g.s_T), w.detach().numpy()) < 1e-12
    by_torch = optimized(optimizer, problem, lam)
    assert relative(by_torch.detach().numpy(), w.detach().numpy()) < 1e-12


def test_jvp_and_vjp_are_transposes(trained):
    problem, lam = trained[:2]
    for t in (1, T):
        assert hgref.witness.adjoint_gap(problem, lam, t) < 1e-12


def test_check_takes_differences_and_finds_it_right(trained):
    problem, lam, gradient = trained[:3]
    report = hgref.check(problem, lam, gradient)
    assert report
    assert "central differences" in [witness.name for witness in report.witnesses]
    wrong = {**gradient, "l2": 1.001 * gradient["l2"]}
    assert not hgref.check(problem, lam, wrong)


def test_candidates_may_be_tensors_of_any_precision(trained):
    problem, lam, gradient = trained[:3]
    ours = {name: block.clone().requires_grad_() for name, block in gradient.items()}
    assert hgref.check(problem, lam, ours)
    assert hgref.check(problem, lam, {name: block.float() for name, block in ours.items()})
    flat = torch.cat([gradient[name].reshape(-1) for name in problem.layout.shapes])
    assert hgref.check(problem, lam, flat.requires_grad_())


def test_another_convention_of_adam_is_named():
    J, E, w0 = net_objectives()
    problem = hgref.Problem(hgref.Adam(J, "paper"), E, T, w0)
    gradient, _ = unrolled(adam, problem, ADAM)
    found = hgref.diagnose(problem, ADAM, gradient)
    assert found[0].name == "adam-convention"
    assert "torch" in found[0].variant


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
    blocks = problem.unpack(lam)
    direct = problem.E.grad_lam(1, w0, blocks)
    assert direct["mu"] == pytest.approx(blocks["l2"])
    assert direct["l2"] == pytest.approx(2 * blocks["l2"] + blocks["mu"])


def test_it_adds_to_objectives_of_hgref():
    half = interop.objective(
        lambda w, lam: lam["c"] * torch.sin(w).sum(), torch.zeros(3), {"c": ()}
    )
    J = half + Quadratic(np.eye(3), np.ones(3))
    problem = hgref.Problem(hgref.GradientDescent(J), Quadratic(np.eye(3), np.zeros(3)), 5)
    lam = {"eta": 0.2, "c": 0.4}
    assert relative(hgref.forward(problem, lam).grad, hgref.reverse(problem, lam).grad) < 1e-12
    assert hgref.check(problem, lam, hgref.reverse(problem, lam).grad)


def test_a_module_called_with_our_params():
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))

    def loss(params, lam):
        z = torch.func.functional_call(model, params, (torch.tensor(X),))
        return lam["scale"] * (z * z).mean()

    template = dict(model.named_parameters())
    J = interop.objective(loss, template, {"scale": ()})
    w, lam = J.flatten(template), {"scale": np.array(2.0)}
    slopes, _ = hgref.witness.central_differences(lambda w: J.value(1, w, lam), w)
    assert relative(J.grad(1, w, lam), slopes) < 1e-8
    with torch.no_grad():  # what is switched off outside does not matter
        assert relative(J.grad(1, w, lam), slopes) < 1e-8


def test_what_a_loss_keeps_may_have_a_gradient_of_its_own():
    c = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    J = interop.objective(lambda w, lam: c * (w * w).sum(), torch.zeros(3))
    w = np.ones(3)
    assert J.value(1, w, {}) == 6
    assert (J.grad(1, w, {}) == 4).all()
    assert (J.grad_vjp(1, w, {}, w)[0] == 4).all()
    assert c.grad is None


# --- the import ---


def test_hgref_does_not_import_torch():
    code = "import sys, hgref, hgref.interop; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_torch_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "hgref.interop.torch")
    with pytest.raises(ModuleNotFoundError, match="python -m pip install torch"):
        importlib.import_module("hgref.interop.torch")
