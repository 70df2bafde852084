"""Arrays as people hold them: read for what they are, or refused in a sentence."""

import numpy as np
import pytest

import hgref
from hgref.arguments import as_array
from hgref.objectives import L2, Callback, LeastSquares, Quadratic, Softmax

X, Y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 2, 0, 1, 2])
HOLES = np.ma.masked_array(X, mask=X == 5)
J = Softmax(X, Y, 3, example_weights=True)


def problem(w0=None, J=J):
    return hgref.Problem(hgref.GradientDescent(J), J, 3, w0)


PLACES = {
    "X": lambda holes: Softmax(holes(X), Y, 3),
    "y": lambda holes: Softmax(X, holes(Y), 3),
    "centre": lambda holes: Softmax(X, Y, 3, centre=holes(X[0])),
    "batches": lambda holes: Softmax(X, Y, 3, batches=holes([[0, 1]])),
    "A": lambda holes: Quadratic(holes(np.eye(2)), [0.0, 1.0]),
    "groups": lambda holes: L2(groups=holes([0, 1])),
    "w0": lambda holes: problem(holes(np.zeros(9))),
    "lam": lambda holes: hgref.reverse(problem(), holes(np.ones(7))),
    "weights": lambda holes: problem().pack(eta=0.1, weights=holes(np.ones(6))),
    "eta": lambda holes: problem().pack(eta=np.ma.masked, weights=np.ones(6)),
    "candidate": lambda holes: hgref.check(problem(), np.ones(7), holes(np.ones(7))),
    "x": lambda holes: hgref.as_scipy(problem())(holes(np.ones(7))),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_masked_entry_is_no_number(place):
    def holes(array):
        array = np.ma.masked_array(array)
        array[(0,) * array.ndim] = np.ma.masked
        return array

    with pytest.raises((ValueError, TypeError), match="masked|expected numbers"):
        PLACES[place](holes)


def test_nothing_masked_is_an_array():
    whole = np.ma.masked_array(X)
    assert type(as_array("X", whole)) is np.ndarray
    assert (Softmax(whole, Y, 3).features.X == X).all()


def test_masked_values_of_a_callback_are_refused():
    def grad(w, lam):
        return np.ma.masked_array(w, mask=[True, False])

    J = Callback(lambda w, lam: 0.0, grad, lambda w, lam, dw, dlam: 0 * dw, p=2)
    with pytest.raises(ValueError, match="Callback grad: .* 1 masked"):
        hgref.forward(problem(J=J), [0.1])


def test_sparse_indices_beyond_the_matrix_are_refused():
    scipy_sparse = pytest.importorskip("scipy.sparse")
    for place in ("indices", "indptr"):
        matrix = scipy_sparse.csr_matrix(np.eye(6, 2))
        getattr(matrix, place)[-1] = 100
        with pytest.raises(ValueError, match="X: expected a s"):
            LeastSquares(matrix, np.zeros(6))


def test_one_large_label_needs_no_square_matrix():
    J = Softmax(np.eye(2), [0, 100_000])
    assert J.y.shape == (2, 100_001)
    assert J.y.sum(axis=1).tolist() == [1, 1]


@pytest.mark.parametrize("make", [
    lambda: hgref.objectives.MultiTask(X, Y, Y[:, None], 3, rho=1j),
    lambda: hgref.objectives.Huber(X, Y, threshold=1j),
    lambda: hgref.outer.Adam(eps="x"),
    lambda: hgref.outer.Adam(eps=-1.0),
    lambda: hgref.check_fn(lambda x: 0.0, [], []),
])  # fmt: skip
def test_arguments_of_the_wrong_kind_are_named(make):
    with pytest.raises((ValueError, TypeError), match=r"(rho|threshold|eps|lam): expected"):
        make()
