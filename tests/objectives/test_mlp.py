"""The perceptron against linear models, and against the same network written unit by unit."""

import cmath

import numpy as np
import pytest
import scipy.sparse
from strategies import relative

import hgref
from hgref.objectives import L2, MLP, LeastSquares, Softmax

rng = np.random.default_rng(0)
X, labels = rng.standard_normal((6, 3)), np.array([0, 1, 2, 2, 1, 0])
WEIGHTS = {"weights": rng.uniform(0.1, 1.5, 6)}

SCALAR = {
    "tanh": cmath.tanh,
    "softplus": lambda z: cmath.log(1 + cmath.exp(z)),
    "relu": lambda z: z if z.real > 0 else 0,
}


def unit_by_unit(w, X, y, widths, activation, head, weights):
    """J(w, λ) in loops over examples and units, numbers taken from w one after the other."""
    total = 0
    for x, target, weight in zip(X, y, weights, strict=True):
        numbers, h = iter(w), list(x)
        for depth, width in enumerate(widths):
            rows = [[next(numbers) for _ in h] for _ in range(width)]
            biases = [next(numbers) for _ in range(width)]
            z = [sum(a * b for a, b in zip(row, h, strict=True)) for row in rows]
            z = [a + b for a, b in zip(z, biases, strict=True)]
            h = z if depth == len(widths) - 1 else [SCALAR[activation](a) for a in z]
        if head == "softmax":
            loss = cmath.log(sum(map(cmath.exp, h))) - h[target]
        else:
            loss = sum((a - b) ** 2 for a, b in zip(h, np.atleast_1d(target), strict=True)) / 2
        total += weight * loss
    return total / len(X)


@pytest.mark.parametrize("activation", SCALAR)
@pytest.mark.parametrize("head", ["softmax", "squared"])
@pytest.mark.parametrize("hidden", [(), (4,), (3, 3), (2, 3, 4)])
def test_unit_by_unit(activation, head, hidden):
    y = labels if head == "softmax" else rng.standard_normal((6, 2))
    J = MLP(X, y, hidden, activation=activation, head=head, example_weights=True)
    widths = (*hidden, 3 if head == "softmax" else 2)
    assert J.widths == (3, *widths)
    w = rng.uniform(-1, 1, J.p)

    def f(w, weights):
        return unit_by_unit(w, X, y, widths, activation, head, weights)

    assert J.value(1, w, WEIGHTS) == pytest.approx(f(w, WEIGHTS["weights"]).real, rel=1e-13)
    steps = [f(w + 1e-30j * e, WEIGHTS["weights"]).imag / 1e-30 for e in np.eye(J.p)]
    assert relative(J.grad(1, w, WEIGHTS), steps) < 1e-13
    shares = [f(w, WEIGHTS["weights"] + 1e-30j * e).imag / 1e-30 for e in np.eye(6)]
    assert relative(J.grad_lam(1, w, WEIGHTS)["weights"], shares) < 1e-13


@pytest.mark.parametrize("activation", ["tanh", "softplus", "relu"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("head", ["softmax", "squared"])
def test_without_hidden_layers_it_is_the_linear_model(activation, sparse, head):
    features = scipy.sparse.csr_matrix(X) if sparse else X
    options = {"example_weights": True, "centre": True, "batches": [[0, 1, 1], [5, 4, 0]]}
    if head == "softmax":
        linear = Softmax(features, labels, 3, **options)
        J = MLP(features, labels, (), activation=activation, classes=3, **options)
    else:
        y = rng.standard_normal(6)
        linear = LeastSquares(features, y, bias=True, **options)
        J = MLP(features, y, (), activation=activation, head=head, **options)
    assert J.p == linear.p
    assert J.block_labels.tolist() == linear.block_labels.tolist()
    w, u, dw = rng.standard_normal(J.p), rng.standard_normal(J.p), rng.standard_normal((J.p, 4))
    dlam = {"weights": rng.standard_normal((6, 4))}
    for t in (1, 2):
        same = {"rtol": 1e-13, "atol": 1e-14}
        np.testing.assert_allclose(J.predict(w, t), linear.predict(w, t), **same)
        assert J.value(t, w, WEIGHTS) == pytest.approx(linear.value(t, w, WEIGHTS), rel=1e-14)
        np.testing.assert_allclose(J.grad(t, w, WEIGHTS), linear.grad(t, w, WEIGHTS), **same)
        found, expected = (o.grad_jvp(t, w, WEIGHTS, dw, dlam) for o in (J, linear))
        np.testing.assert_allclose(found, expected, **same)
        found, expected = (o.grad_vjp(t, w, WEIGHTS, u) for o in (J, linear))
        np.testing.assert_allclose(found[0], expected[0], **same)
        np.testing.assert_allclose(found[1]["weights"], expected[1]["weights"], **same)


@pytest.mark.parametrize("matrix", [scipy.sparse.csr_matrix, scipy.sparse.coo_array])
def test_sparse_and_centred_is_dense_and_centred(matrix):
    sparse = matrix(X * (np.abs(X) > 0.5))
    dense = sparse.toarray()
    J = MLP(sparse, labels, (4,), classes=3, centre=True)
    explicit = MLP(dense - dense.mean(axis=0), labels, (4,), classes=3)
    w, dw = rng.standard_normal(J.p), rng.standard_normal((J.p, 3))
    assert J.value(1, w, {}) == pytest.approx(explicit.value(1, w, {}), rel=1e-13)
    assert relative(J.grad(1, w, {}), explicit.grad(1, w, {})) < 1e-13
    assert relative(J.grad_jvp(1, w, {}, dw, {}), explicit.grad_jvp(1, w, {}, dw, {})) < 1e-13


def test_columns_are_independent():
    J = MLP(X, labels, (4, 2), example_weights=True)
    w, dw = rng.standard_normal(J.p), rng.standard_normal((J.p, 5))
    dlam = {"weights": rng.standard_normal((6, 5))}
    together = J.grad_jvp(1, w, WEIGHTS, dw, dlam)
    assert together.shape == (J.p, 5)
    for k in range(5):
        one = {"weights": dlam["weights"][:, k : k + 1]}
        alone = J.grad_jvp(1, w, WEIGHTS, dw[:, k : k + 1], one)
        assert relative(together[:, k : k + 1], alone) < 1e-13


def test_the_order_of_the_weights():
    J = MLP(X, labels, (2,), classes=3)
    (W_1, b_1), (W_2, b_2) = J.layers(np.arange(17.0))
    assert (W_1.tolist(), b_1.tolist()) == ([[0, 1, 2], [3, 4, 5]], [6, 7])
    assert (W_2.tolist(), b_2.tolist()) == ([[8, 9], [10, 11], [12, 13]], [14, 15, 16])
    assert J.block_labels.tolist() == [0] * 6 + [1] * 2 + [2] * 6 + [3] * 3
    assert J.layer_labels.tolist() == [0] * 8 + [1] * 9
    w = np.zeros(17)
    J.layers(w)[1][0][:] = 1  # views
    assert w.sum() == 6


def test_a_penalty_for_each_layer():
    J = MLP(X, labels, (4, 2), classes=3)
    penalty, w = L2(J.layer_labels), rng.standard_normal(J.p)
    assert penalty.hyper(J.p) == {"l2": (3,)}
    l2 = np.array([0.5, 0.0, 2.0])
    squares = [np.sum(W**2) + np.sum(b**2) for W, b in J.layers(w)]
    assert penalty.value(1, w, {"l2": l2}) == pytest.approx(l2 @ squares / 2, rel=1e-14)
    assert L2(J.block_labels).hyper(J.p) == {"l2": (6,)}
    problem = hgref.Problem(hgref.GradientDescent(J + penalty), J, 5, J.start(0))
    lam = problem.pack(eta=0.3, l2=l2)
    witness = hgref.witness.complex_step(problem.f, lam)
    assert relative(hgref.reverse(problem, lam).grad, witness) < 1e-12


def test_start_is_random_within_glorots_limits():
    J = MLP(rng.standard_normal((2, 40)), [0, 1], (30,))
    w = J.start(3)
    (W_1, b_1), (W_2, b_2) = J.layers(w)
    assert not b_1.any()
    assert not b_2.any()
    for W, units in ((W_1, 70), (W_2, 32)):
        limit = np.sqrt(6 / units)
        assert 0.8 * limit < np.abs(W).max() <= limit
        assert np.var(W) == pytest.approx(limit**2 / 3, rel=0.35)  # 60 numbers in W_2
    assert np.array_equal(w, J.start(3))
    assert not np.array_equal(w, J.start(4))


@pytest.mark.parametrize("activation", SCALAR)
def test_large_numbers_do_not_overflow(activation):
    J = MLP(X, labels, (4, 2), activation=activation, example_weights=True)
    w, u = 1e3 * rng.standard_normal(J.p), rng.standard_normal(J.p)
    assert np.isfinite(J.value(1, w, WEIGHTS))
    assert np.isfinite(J.grad(1, w, WEIGHTS)).all()
    uH, uM = J.grad_vjp(1, w, WEIGHTS, u)
    assert np.isfinite(uH).all()
    assert np.isfinite(uM["weights"]).all()


def test_a_relu_at_its_kink_has_slope_zero():
    """x = 0 and b = 0: the unit is silent, as in torch."""
    J = MLP([[0.0]], [[1.0]], (1,), activation="relu", head="squared")
    w = np.array([1.0, 0.0, 1.0, 0.0])
    assert J.grad(1, w, {}).tolist() == [0, 0, 0, -1]
    assert J.grad_vjp(1, w, {}, np.ones(4))[0].tolist() == [0, 0, 0, 1]


def test_forward_and_reverse_learn_a_starting_point():
    J = MLP(X, labels, (4,), activation="softplus", example_weights=True, batches=[[0, 1], [2, 3]])
    E = MLP(X[::-1], labels, (4,), activation="softplus")
    problem = hgref.Problem(hgref.Adam(J), E, 2, J.start(1), learn_w0=True)
    lam = problem.pack(eta=0.1, beta1=0.9, beta2=0.99, eps=1e-2, **WEIGHTS)
    witness = hgref.witness.complex_step(problem.f, lam)
    for method in (hgref.forward, hgref.reverse):
        assert relative(method(problem, lam).grad, witness) < 1e-12


def test_it_predicts_for_the_first_step_unless_told_another():
    J = MLP(X, labels, (4,), classes=3, batches=[[0, 1], [2, 3]])
    w = J.start(0)
    whole = MLP(X, labels, (4,), classes=3).predict(w)
    np.testing.assert_array_equal(J.predict(w), whole[:2])
    np.testing.assert_array_equal(J.predict(w, 2), whole[2:4])
