"""Sums of one to three losses that store their data in different forms: both layers agree."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from strategies import few, relative

import hgref
from hgref.fast import cpu
from hgref.objectives import L2, LeastSquares, Logistic, Quadratic, Softmax

FORMS = ("small", "dense", "sparse", "sparse and small")


def loss(kind, form, rng, name):
    """A loss of six weights: a few examples, many, sparse ones, or sparse ones in mini-batches."""
    n = 4000 if form == "dense" else 9
    N = {"softmax": 1, "logistic": 5, "squares": 6}[kind]
    X = rng.standard_normal((n, N))
    if form.startswith("sparse"):
        X = scipy.sparse.csr_matrix(X * (rng.random((n, N)) < 0.6))
    options = {"example_weights": name} if rng.integers(2) else {}
    if form == "sparse and small":
        options["batches"] = rng.integers(0, n, (3, 4))
    if kind == "softmax":
        return Softmax(X, rng.integers(0, 3, n), 3, **options)
    if kind == "logistic":
        return Logistic(X, rng.integers(0, 2, n), **options)
    return LeastSquares(X, rng.standard_normal(n), **options)


@few
@given(
    parts=st.lists(
        st.tuples(st.sampled_from(["softmax", "logistic", "squares"]), st.sampled_from(FORMS)),
        min_size=1,
        max_size=3,
    ),
    others=st.tuples(st.booleans(), st.booleans()),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_mixture_of_forms(parts, others, seed):
    rng = np.random.default_rng(seed)
    terms = [loss(*part, rng, f"weights{j}") for j, part in enumerate(parts)]
    terms += [L2()] * others[0] + [Quadratic(np.eye(6), np.ones(6))] * others[1]
    J = hgref.objectives.Sum(*(terms[j] for j in rng.permutation(len(terms))))
    problem = hgref.Problem(hgref.Momentum(J), LeastSquares(np.eye(6), np.ones(6)), 3, np.ones(6))
    values = {"eta": 0.1, "mu": 0.5, "l2": 0.1}
    shapes = problem.layout.shapes
    lam = problem.pack(**{n: values.get(n, rng.uniform(0.5, 1, s)) for n, s in shapes.items()})
    true = hgref.reverse(problem, lam).grad
    wrt = [name for name in shapes if not name.startswith("weights")]
    assert relative(cpu.reverse(problem, lam).grad, true) < 1e-11
    found = cpu.forward(problem, lam, wrt=wrt)
    for name in wrt:
        assert np.allclose(found[name], hgref.forward(problem, lam, wrt=wrt)[name], rtol=1e-10)


@pytest.mark.parametrize("second", ["dense", "sparse"])
def test_a_small_loss_beside_a_large_one(second):
    """They used to be stored in forms that no one function could serve."""
    rng = np.random.default_rng(0)
    J = loss("softmax", "small", rng, "a") + loss("softmax", second, rng, "b")
    problem = hgref.Problem(hgref.GradientDescent(J), Quadratic(np.eye(6), np.ones(6)), 3)
    lam = {n: np.full(s, 0.2) for n, s in problem.layout.shapes.items()}
    assert relative(cpu.reverse(problem, lam).grad, hgref.reverse(problem, lam).grad) < 1e-11
