"""MLP beside torch.nn.Sequential: the same weights in the same order, the same derivatives."""

import numpy as np
import pytest
from strategies import relative

from hgref.objectives import MLP

torch = pytest.importorskip("torch")

rng = np.random.default_rng(0)
X = rng.standard_normal((12, 4))
LAMBDA = {"weights": rng.uniform(0.1, 1.5, 12)}
ACTIVATIONS = {"tanh": torch.nn.Tanh, "softplus": torch.nn.Softplus, "relu": torch.nn.ReLU}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("head", ["softmax", "squared"])
@pytest.mark.parametrize("hidden", [(), (5,), (5, 3)])
def test_value_gradient_and_products_are_torchs(activation, head, hidden):
    y = rng.integers(0, 3, 12) if head == "softmax" else rng.standard_normal((12, 3))
    J = MLP(X, y, hidden, activation=activation, head=head, example_weights=True)
    modules = []
    for inputs, outputs in zip(J.widths, J.widths[1:], strict=False):
        linear = torch.nn.Linear(inputs, outputs, dtype=torch.float64)
        modules += [linear, ACTIVATIONS[activation]()]
    network = torch.nn.Sequential(*modules[:-1])
    parameters, w = list(network.parameters()), rng.uniform(-1, 1, J.p)
    torch.nn.utils.vector_to_parameters(torch.tensor(w), parameters)
    weights = torch.tensor(LAMBDA["weights"], requires_grad=True)

    z, target = network(torch.tensor(X)), torch.tensor(y)
    if head == "softmax":
        each = torch.nn.functional.cross_entropy(z, target, reduction="none")
    else:
        each = ((z - target) ** 2).sum(dim=1) / 2
    loss = (weights * each).mean()
    grads = torch.autograd.grad(loss, parameters, create_graph=True)
    g = torch.cat([part.reshape(-1) for part in grads])
    u = rng.standard_normal(J.p)
    *uH, uM = torch.autograd.grad(g @ torch.tensor(u), [*parameters, weights])
    uH = torch.cat([part.reshape(-1) for part in uH]).numpy()

    np.testing.assert_allclose(J.predict(w), z.detach().numpy(), rtol=1e-12, atol=1e-13)
    assert J.value(1, w, LAMBDA) == pytest.approx(loss.item(), rel=1e-13)
    assert relative(J.grad(1, w, LAMBDA), g.detach().numpy()) < 1e-12
    row, share = J.grad_vjp(1, w, LAMBDA, u)
    assert relative(row, uH) < 1e-12
    assert relative(share["weights"], uM.numpy()) < 1e-12
