"""Losses in PyTorch only: modules, tensors with requires_grad, losses without a forward mode."""

import importlib

import numpy as np
import pytest
from strategies import relative

import hgref

torch = pytest.importorskip("torch")
interop = importlib.import_module("hgref.interop.torch")

# torch compiles its rules for forward mode with a function that it calls deprecated
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")

rng = np.random.default_rng(0)
X, y = rng.standard_normal((12, 4)), rng.standard_normal(12)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (np.zeros(3), "params: expected a tensor of real numbers"),
        ({"a": np.zeros(3)}, "params['a']: expected a tensor of real numbers"),
    ],
    ids=["alone", "in a mapping"],
)
def test_numpy_arrays_are_refused_as_templates(params, words):
    with pytest.raises(TypeError) as info:
        interop.objective(lambda w, lam: 0, params)
    assert words in str(info.value)


@pytest.mark.parametrize(
    "params",
    [
        [torch.ones(2, requires_grad=True), torch.zeros(1, 3, dtype=torch.float16)],
        {"b": torch.ones(3), 0: torch.zeros(0)},
    ],
    ids=["requires_grad", "keys of two kinds"],
)
def test_flatten_and_unflatten(params):
    J = interop.objective(lambda params, lam: 0, params)
    back = J.unflatten(J.flatten(params))
    assert type(back) is type(params)
    for one, other in zip(J.leaves(back).values(), J.leaves(params).values(), strict=True):
        assert one.dtype == torch.float64
        assert torch.equal(one, other.double())


def test_a_module_called_through_functional_call():
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))

    def loss(params, lam):
        z = torch.func.functional_call(model, params, (torch.tensor(X),))
        return lam["scale"] * (z * z).mean()

    template = dict(model.named_parameters())
    J = interop.objective(loss, template, {"scale": ()})
    w, lam = J.flatten(template), {"scale": np.array(2.0)}
    slopes, _ = hgref.witness.central_differences(lambda w: J.value(1, w, lam), w)
    assert relative(J.grad(1, w, lam), slopes) < 1e-8
    with torch.no_grad():  # the mode outside does not matter
        assert relative(J.grad(1, w, lam), slopes) < 1e-8


def test_a_loss_may_use_a_tensor_that_requires_grad():
    c = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    J = interop.objective(lambda w, lam: c * (w * w).sum(), torch.zeros(3))
    w = np.ones(3)
    assert J.value(1, w, {}) == 6
    assert (J.grad(1, w, {}) == 4).all()
    assert (J.grad_vjp(1, w, {}, w)[0] == 4).all()
    assert c.grad is None


# --- losses whose gradients torch cannot differentiate in forward mode: transposed twice ---


@pytest.fixture(params=["mse_loss", "huber_loss"])
def regression(request):
    """(problem, λ, ∇f(λ) by central differences, their errors)."""
    loss = getattr(torch.nn.functional, request.param)
    features, targets = torch.tensor(X), torch.tensor(y)
    J = interop.objective(
        lambda w, lam: loss(features[:8] @ w, targets[:8]) + lam["l2"] / 2 * (w @ w),
        torch.zeros(4),
        {"l2": ()},
    )
    E = interop.objective(lambda w, lam: loss(features[8:] @ w, targets[8:]), torch.zeros(4))
    problem = hgref.Problem(hgref.Momentum(J), E, 6)
    lam = problem.pack(eta=0.1, mu=0.5, l2=0.2)
    return problem, lam, *hgref.witness.central_differences(problem.f, lam)


def test_reverse_through_a_loss_of_torch(regression):
    problem, lam, slopes, errors = regression
    assert (np.abs(hgref.reverse(problem, lam).grad - slopes) <= 10 * errors + 1e-9).all()


def test_forward_through_a_loss_of_torch(regression):
    problem, lam, _, _ = regression
    g = hgref.reverse(problem, lam)
    assert relative(hgref.forward(problem, lam).grad, g.grad) < 1e-12


def test_check_through_a_loss_of_torch(regression):
    problem, lam, _, _ = regression
    grad = hgref.reverse(problem, lam).grad
    assert hgref.check(problem, lam, grad)
    assert not hgref.check(problem, lam, 1.001 * grad)
