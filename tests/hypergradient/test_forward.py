"""Estimates of ∇f by FORWARD-HG along random directions; the rest is in test_hypergradient.py."""

import itertools

import numpy as np
import pytest

import hgref
from hgref.objectives import L2, LeastSquares


def a_small_problem():
    rng = np.random.default_rng(0)
    J = LeastSquares(rng.standard_normal((6, 2)), rng.standard_normal(6)) + L2("weight")
    E = LeastSquares(rng.standard_normal((4, 2)), rng.standard_normal(4)) + L2("weight")
    problem = hgref.Problem(hgref.Momentum(J), E, 5, rng.standard_normal(2), learn_w0=True)
    lam = problem.pack(eta=0.1, mu=0.7, l2=rng.uniform(0.1, 0.3, 2), w0=problem.w0)
    return problem, lam


def test_the_mean_over_all_directions_is_the_gradient_and_the_variance_is_the_closed_form():
    """All 2^m vectors of ±1, one at a time: mean ∇f, mean square error (m − 1) ‖∇f‖²."""
    problem, lam = a_small_problem()
    g, m = hgref.reverse(problem, lam).grad, lam.size
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=m)))
    each = np.array([hgref.forward(problem, lam, directions=v[:, None]).grad for v in signs])
    np.testing.assert_allclose(each.mean(axis=0), g, rtol=1e-11)
    off = np.sum((each - g) ** 2, axis=1).mean()
    assert off == pytest.approx((m - 1) * g @ g, rel=1e-11)
    together = hgref.forward(problem, lam, directions=signs.T)
    np.testing.assert_allclose(together.grad, g, rtol=1e-11)
    assert together.f == hgref.forward(problem, lam).f


def test_directions_are_seeded_and_their_number_is_checked():
    problem, lam = a_small_problem()
    first, same, other = (
        hgref.forward(problem, lam, directions=3, seed=seed).grad for seed in (1, 1, 2)
    )
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    for wrong, match in ((0, "directions"), (np.ones((2, 1)), "directions: expected shape")):
        with pytest.raises(ValueError, match=match):
            hgref.forward(problem, lam, directions=wrong)
    with pytest.raises(ValueError, match="expected no wrt, partials, trace or executor"):
        hgref.forward(problem, lam, directions=2, partials=True)
