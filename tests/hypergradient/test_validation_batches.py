"""A validation error on mini-batches: E(s_t) sees row t of its table, in every algorithm."""

import numpy as np
import pytest

import hgref
from hgref.objectives import Logistic
from hgref.outer import GradientDescent
from hgref.verify.witness import complex_step

T = 5
rng = np.random.default_rng(0)
X, y = rng.standard_normal((12, 3)), rng.integers(0, 2, 12)
TABLE = rng.integers(0, 12, (T, 4))
E = Logistic(X, y, batches=TABLE)
PROBLEM = hgref.Problem(hgref.Momentum(Logistic(X[:6], y[:6])), E, T)
LAM = PROBLEM.pack(eta=0.3, mu=0.6)


def f_t(t):
    """E(s_t) on row t of the table, by a problem of t steps and a validation set of its own."""
    rows = TABLE[t - 1]
    return hgref.Problem(PROBLEM.dynamics, Logistic(X[rows], y[rows]), t).f


@pytest.mark.parametrize("method", [hgref.reverse, hgref.forward, hgref.checkpointed])
def test_the_last_row_judges_the_last_state(method):
    g = method(PROBLEM, LAM)
    assert g.f == pytest.approx(f_t(T)(LAM), rel=1e-14)
    np.testing.assert_allclose(g.grad, complex_step(f_t(T), LAM), rtol=1e-12)


def test_partial_hypergradients_see_their_own_row():
    partials = hgref.forward(PROBLEM, LAM, partials=True).partials
    for t in range(1, T + 1):
        np.testing.assert_allclose(partials[t - 1], complex_step(f_t(t), LAM), rtol=1e-11)


@pytest.mark.parametrize("method", [hgref.realtime, hgref.realtime_truncated])
def test_real_time_updates_see_their_own_row(method):
    run = method(PROBLEM, LAM, every=2, outer=GradientDescent(1e-3))
    assert run.f[0] == pytest.approx(f_t(2)(LAM), rel=1e-14)
    step = complex_step(f_t(2), LAM)
    np.testing.assert_allclose(run.lam[1], LAM - 1e-3 * step, rtol=1e-12)
