"""Each objective's value against its formula, written another way."""

import numpy as np
import pytest
import scipy.sparse
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from hgref.objectives import (
    L2,
    MLP,
    LeastSquares,
    Logistic,
    MultiTask,
    Quadratic,
    Softmax,
    TaskCoupling,
)
from hgref.objectives.features import Rows

rng = np.random.default_rng(0)
X, w4 = rng.standard_normal((6, 3)), rng.standard_normal(4)


def test_quadratic():
    A, b, w = rng.standard_normal((3, 3)), rng.standard_normal(3), rng.standard_normal(3)
    expected = sum(A[i, j] * w[i] * w[j] for i in range(3) for j in range(3)) / 2 - sum(b * w)
    assert Quadratic(A, b).value(1, w, {}) == pytest.approx(expected, rel=1e-14)


def test_least_squares_is_half_the_mean():
    y = rng.standard_normal(6)
    expected = np.linalg.norm(X @ w4[:3] - y) ** 2 / 12
    assert LeastSquares(X, y).value(1, w4[:3], {}) == pytest.approx(expected, rel=1e-14)
    expected = np.mean((X @ w4[:3] + w4[3] - y) ** 2) / 2
    assert LeastSquares(X, y, bias=True).value(1, w4, {}) == pytest.approx(expected, rel=1e-14)


@given(scale=st.floats(0.1, 1e3))
def test_logistic_and_softmax_are_scipys(scale):
    y = np.array([0, 1, 1, 0, 1, 0])
    w = scale * w4
    z = X @ w[:3] + w[3]
    expected = -np.mean(scipy.special.log_expit(np.where(y == 1, z, -z)))
    assert Logistic(X, y).value(1, w, {}) == pytest.approx(expected, rel=1e-13)
    W, b = scale * rng.standard_normal((3, 3)), rng.standard_normal(3)
    labels = np.array([0, 1, 2, 2, 1, 0])
    log_p = scipy.special.log_softmax(X @ W.T + b, axis=1)
    expected = -np.mean(log_p[np.arange(6), labels])
    flat = np.concatenate([W.ravel(), b])  # the order in which a linear layer is kept
    assert Softmax(X, labels, 3).value(1, flat, {}) == pytest.approx(expected, rel=1e-12)


def test_two_classes_of_softmax_are_logistic():
    y = np.array([0, 1, 1, 0, 1, 0])
    w = rng.standard_normal(8)
    difference = np.append(w[3:6] - w[0:3], w[7] - w[6])
    binary = Logistic(X, y).value(1, difference, {})
    assert Softmax(X, y, 2).value(1, w, {}) == pytest.approx(binary, rel=1e-13)


def test_example_weights_stand_under_the_mean():
    y, weights = rng.standard_normal(6), rng.uniform(0, 2, 6)
    J = LeastSquares(X, y, example_weights=True)
    expected = np.sum(weights * (X @ w4[:3] - y) ** 2) / 12
    assert J.value(1, w4[:3], {"weights": weights}) == pytest.approx(expected, rel=1e-14)


def test_a_mini_batch_is_the_mean_over_its_rows_repetitions_counted():
    y, table = rng.standard_normal(6), np.array([[0, 1, 1], [5, 4, 0]])
    J = LeastSquares(X, y, batches=table)
    for t in (1, 2):
        rows = table[t - 1]
        expected = np.mean((X[rows] @ w4[:3] - y[rows]) ** 2) / 2
        assert J.value(t, w4[:3], {}) == pytest.approx(expected, rel=1e-14)
    assert np.array_equal(J.predict(w4[:3]), J.predict(w4[:3], 1))
    net = MLP(X, y > 0, [2], batches=table)
    w = net.start(0)
    assert np.array_equal(net.predict(w), net.predict(w, 1))


@pytest.mark.parametrize("matrix", [scipy.sparse.csr_matrix, scipy.sparse.coo_array])
def test_sparse_and_centred_is_dense_and_centred(matrix):
    sparse = matrix(X * (np.abs(X) > 0.5))
    dense = sparse.toarray()
    y = np.array([0, 1, 2, 2, 1, 0])
    w, u = rng.standard_normal(12), rng.standard_normal(12)
    J = Softmax(sparse, y, 3, centre=True)
    explicit = Softmax(dense - dense.mean(axis=0), y, 3)
    assert not isinstance(J.features.X, np.ndarray)
    assert J.value(1, w, {}) == pytest.approx(explicit.value(1, w, {}), rel=1e-13)
    np.testing.assert_allclose(J.grad(1, w, {}), explicit.grad(1, w, {}), atol=1e-14)
    np.testing.assert_allclose(J.grad_vjp(1, w, {}, u)[0], explicit.grad_vjp(1, w, {}, u)[0])
    validation = Softmax(dense, y, 3, centre=J.features.centre)
    np.testing.assert_allclose(validation.grad(1, w, {}), J.grad(1, w, {}), atol=1e-14)


def test_products_in_blocks_of_rows_miss_no_row():
    """600 rows in blocks of 144, the last of 24; as a whole where there are many columns."""
    random = np.random.default_rng(1)
    X, c = random.standard_normal((600, 600)), random.standard_normal(600)
    V, R = random.standard_normal((10, 600)), random.standard_normal((600, 10))
    rows = Rows(X, c)
    assert [(part.start, min(part.stop, 600)) for part in rows.blocks(10)] == [
        (0, 144), (144, 288), (288, 432), (432, 576), (576, 600)]  # fmt: skip
    assert rows.blocks(65) == [slice(0, 600)]
    np.testing.assert_allclose(rows.times(V), (X - c) @ V.T, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(rows.pull(R), R.T @ (X - c), rtol=1e-11, atol=1e-12)


def test_l2_has_one_coefficient_or_one_for_each_group_or_weight():
    w = np.array([1.0, 2.0, 3.0])
    assert L2().value(1, w, {"l2": np.asarray(0.5)}) == 0.25 * 14
    assert L2("weight").value(1, w, {"l2": np.array([1.0, 0.0, 2.0])}) == 0.5 + 9
    assert L2([0, 1, 1]).value(1, w, {"l2": np.array([1.0, 2.0])}) == 0.5 + 13
    assert L2(name="decay").value(1, w, {"decay": np.asarray(1.0)}) == 7


def test_block_labels_tell_weights_from_biases():
    J = Softmax(X, np.array([0, 1, 2, 2, 1, 0]), 3)
    assert J.block_labels.tolist() == [0] * 9 + [1] * 3
    W, b = J.unflatten(np.arange(12.0))
    assert W.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert b.tolist() == [9, 10, 11]
    J = LeastSquares(X, np.ones(6), bias=False)
    assert J.block_labels.tolist() == [0, 0, 0]
    W, b = J.unflatten(np.arange(3.0))
    assert (W.tolist(), b.tolist()) == ([[0, 1, 2]], [])


def test_predict_is_the_linear_layer():
    y, table = np.array([0, 1, 2, 2, 1, 0]), np.array([[3, 0], [5, 5]])
    W, b = rng.standard_normal((3, 3)), rng.standard_normal(3)
    w = np.concatenate([W.ravel(), b])
    np.testing.assert_allclose(Softmax(X, y, 3).predict(w), X @ W.T + b)
    J = Softmax(X, y, 3, batches=table)
    np.testing.assert_allclose(J.predict(w), X[table[0]] @ W.T + b)  # step 1 unless told
    np.testing.assert_allclose(J.predict(w, t=2), X[table[1]] @ W.T + b)
    wide = Softmax(rng.standard_normal((4, 5)), [0, 1, 0, 1], 2)  # more features than classes
    assert wide.unflatten(np.arange(12.0))[0].tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


@pytest.mark.parametrize("dtype", [np.float32, np.int32, bool])
def test_whatever_the_data_come_in_the_numbers_are_float64(dtype):
    y = np.array([0, 1, 2, 2, 1, 0])
    coarse = (10 * X).astype(dtype)
    w = rng.standard_normal(12)
    expected = Softmax(coarse.astype(float), y, 3).grad(1, w, {})
    for features in (coarse, scipy.sparse.csr_matrix(coarse)):
        found = Softmax(features, y, 3).grad(1, w, {})
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("scale", [1.0, 1e3, -1e3])
def test_large_logits_neither_overflow_nor_lose_their_gradient(scale):
    y, w = np.array([0, 1, 2, 2, 1, 0]), rng.standard_normal(12)
    J = Softmax(X, y, 3, centre=False)
    P = scipy.special.softmax(J.predict(scale * w), axis=1)
    G = (P - np.eye(3)[y]).T @ X / 6
    b = (P - np.eye(3)[y]).mean(axis=0)
    np.testing.assert_allclose(J.grad(1, scale * w, {}), [*G.ravel(), *b], rtol=1e-9, atol=1e-15)
    assert np.isfinite(J.grad_vjp(1, scale * w, {}, w)[0]).all()
    y = np.array([0, 1, 1, 0, 1, 0])
    J = Logistic(X, y)
    expected = scipy.special.expit(J.predict(scale * w[:4])[:, 0]) - y
    np.testing.assert_allclose(
        J.grad(1, scale * w[:4], {})[:3], expected @ X / 6, rtol=1e-9, atol=1e-15
    )


def test_the_curvature_of_logistic_regression_keeps_its_digits():
    """σ(z) σ(−z) is even: also at z = 40, where 1 − σ(z) is 0 in float64."""
    J = Logistic([[1.0], [1.0]], [0, 1], bias=False)
    left, right = (J.grad_vjp(1, np.array([z]), {}, np.ones(1))[0][0] for z in (-40.0, 40.0))
    assert left == right == pytest.approx(np.exp(-40.0), rel=1e-12)
    assert J.features.read_centre(False) is None


def test_two_heads_are_two_losses_of_one_prediction():
    y, second = np.array([0, 1, 2, 2, 1, 0]), rng.standard_normal((6, 2))
    weights = rng.uniform(0, 1, 6)
    J = MultiTask(X, y, second, (4,), classes=3, example_weights=True)
    w = J.start(0)
    z = J.predict(w)
    entropy = -scipy.special.log_softmax(z[:, :3], axis=1)[np.arange(6), y]
    squares = [np.linalg.norm(z[i, 3:] - second[i]) ** 2 / 2 for i in range(6)]
    for rho in (0.0, 0.7):
        expected = np.mean(weights * (entropy + rho * np.array(squares)))
        found = J.value(1, w, {"weights": weights, "rho": np.array(rho)})
        assert found == pytest.approx(expected, rel=1e-13)
        fixed = MultiTask(X, y, second, (4,), classes=3, rho=rho, example_weights=True)
        assert fixed.hyper(J.p) == {"weights": (6,)}
        assert fixed.value(1, w, {"weights": weights}) == found


def test_two_heads_without_the_second_are_a_network():
    y = np.array([0, 1, 2, 2, 1, 0])
    both = MultiTask(X, y, np.zeros(6), (4,), classes=3, rho=0.0)
    alone = MLP(X, y, (4,), classes=3)
    w = both.start(0)
    upper = np.delete(w[16:].reshape(-1), np.r_[12:16, 19])  # the last layer's row and bias
    small = np.concatenate([w[:16], upper])
    assert both.value(1, w, {}) == pytest.approx(alone.value(1, small, {}), rel=1e-13)


@pytest.mark.parametrize("pairs", ["each", "equal"])
def test_task_coupling_is_the_sum_over_pairs(pairs):
    W = rng.standard_normal((4, 3))
    C = rng.uniform(0, 1, (4, 4)) if pairs == "each" else np.array(0.3)
    expected = 0.7 * sum(W[k] @ W[k] for k in range(4))
    for j in range(4):
        for k in range(4):
            expected += np.broadcast_to(C, (4, 4))[j, k] * np.linalg.norm(W[j] - W[k]) ** 2
    coupling = TaskCoupling(4, 3, pairs)
    w = np.append(W.reshape(-1), [5.0, -3.0])  # biases take no part
    found = coupling.value(1, w, {"C": C, "rho": np.array(0.7)})
    assert found == pytest.approx(expected, rel=1e-13)
    assert np.array_equal(coupling.grad(1, w, {"C": C, "rho": np.array(0.7)})[12:], [0, 0])


def test_labels_may_be_whole_floats():
    X, y = np.eye(3), np.array([0, 2, 1])
    w = np.linspace(-1, 1, 12)
    whole, floats = Softmax(X, y, 3), Softmax(X, y.astype(float), 3)
    assert whole.value(1, w, {}) == floats.value(1, w, {})
    with pytest.raises(TypeError, match="y: expected integer labels, found dtype float64"):
        Softmax(X, y + 0.5, 3)
