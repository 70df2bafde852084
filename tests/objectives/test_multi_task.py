"""Two heads of one network, the second one linear or rectified."""

import numpy as np
import pytest
import scipy.special

import hgref
from hgref.fast import cpu
from hgref.objectives import MultiTask
from hgref.verify.witness import complex_step

rng = np.random.default_rng(5)
X, y, second = rng.standard_normal((8, 3)), rng.integers(0, 3, 8), rng.standard_normal((8, 4))


def two_heads(**options):
    return MultiTask(X, y, second, (5,), classes=3, **options)


@pytest.fixture
def problem():
    J = two_heads(rectified=True, example_weights=True)
    return hgref.Problem(
        hgref.Momentum(J), two_heads(rectified=True, rho=0.5), 6, w0=3 * J.start(0)
    )


def lam_of(problem):
    return problem.pack(eta=0.2, mu=0.6, rho=0.4, weights=rng.uniform(0, 1, 8))


def test_a_rectified_head_predicts_nothing_below_zero():
    J = two_heads(rectified=True, rho=0.7)
    w = 3 * J.start(0)
    z = J.predict(w)
    assert (z[:, 3:] < 0).any()
    assert (z[:, 3:] > 0).any()
    entropy = -scipy.special.log_softmax(z[:, :3], axis=1)[np.arange(8), y]
    squares = ((np.maximum(z[:, 3:], 0) - second) ** 2).sum(axis=1) / 2
    assert J.value(1, w, {}) == pytest.approx(np.mean(entropy + 0.7 * squares), rel=1e-13)


def test_its_hypergradient_is_the_complex_steps_in_every_mode(problem):
    lam = lam_of(problem)
    true = complex_step(problem.f, lam)
    modes = hgref.reverse, hgref.forward, hgref.checkpointed, cpu.reverse, cpu.forward
    for mode in modes:
        np.testing.assert_allclose(mode(problem, lam).grad, true, rtol=1e-10, atol=1e-14)


def test_an_output_that_is_off_moves_no_weight():
    J = two_heads(rectified=True, rho=1.0)
    w = np.zeros(J.p)
    w[-4:] = -1.0  # the biases of the second head
    assert (J.grad(1, w, {})[-4:] == 0).all()
    w[-4:] = 1.0
    assert (J.grad(1, w, {})[-4:] != 0).all()


def test_the_kernels_refuse_a_rectified_head(problem, cuda):
    with pytest.raises(TypeError, match="rectified: expected False, found True"):
        cuda.reverse(problem, lam_of(problem))
