"""Momentum against loops written from torch.optim.SGD's documentation, and against the paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hgref
from hgref.objectives import Quadratic


def torch_sgd(grad, w, T, lr, momentum, dampening, weight_decay, nesterov):
    """The algorithm box of torch.optim.SGD's documentation, line by line."""
    b = None
    for _ in range(T):
        g = grad(w)
        if weight_decay != 0:
            g = g + weight_decay * w
        b = g if b is None else momentum * b + (1 - dampening) * g
        g = g + momentum * b if nesterov else b
        w = w - lr * g
    return w


@given(
    seed=st.integers(0, 1000),
    T=st.integers(1, 12),
    dampening=st.sampled_from([0.0, 0.3, 1.0]),
    weight_decay=st.sampled_from([0.0, 0.2]),
    nesterov=st.booleans(),
)
def test_settings_mean_what_torch_means(seed, T, dampening, weight_decay, nesterov):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((3, 3)) / 2
    J = Quadratic(root @ root.T, rng.standard_normal(3))
    dampening = 0.0 if nesterov else dampening
    dynamics = hgref.Momentum(J, nesterov=nesterov, dampening=dampening, weight_decay=weight_decay)
    w0 = rng.standard_normal(3)
    problem = hgref.Problem(dynamics, J, T, w0)
    s_T = hgref.reverse(problem, {"eta": 0.1, "mu": 0.8}).s_T
    expected = torch_sgd(
        lambda w: J.A @ w - J.b, w0, T, 0.1, 0.8, dampening, weight_decay, nesterov
    )
    np.testing.assert_allclose(dynamics.weights(s_T), expected, rtol=1e-12, atol=1e-14)


def test_one_step_by_hand():
    """v_1 = μ·0 + g, w_1 = w_0 − η g; then v_2 = μ g_1 + g_2: the paper's order of signs."""
    J = Quadratic([[2.0]], [0.0])
    problem = hgref.Problem(hgref.Momentum(J), J, 2, [1.0])
    v, w = hgref.reverse(problem, {"eta": 0.25, "mu": 0.5}).s_T
    assert (v, w) == (0.5 * 2.0 + 1.0, 0.5 - 0.25 * 2.0)  # g_1 = 2, w_1 = 0.5, g_2 = 1


def test_nesterov_wants_no_dampening():
    J = Quadratic([[1.0]], [0.0])
    with pytest.raises(ValueError, match="nesterov: expected dampening = 0, found 0.1"):
        hgref.Momentum(J, nesterov=True, dampening=0.1)
    with pytest.raises(ValueError, match="weight_decay: expected numbers >= 0, found -1.0"):
        hgref.Momentum(J, weight_decay=-1.0)


def test_nesterov_by_its_own_name():
    J = Quadratic([[2.0]], [1.0])
    named, asked = hgref.Nesterov(J, weight_decay=0.1), hgref.Momentum(J, nesterov=True)
    assert type(named) is hgref.Momentum
    assert (named.nesterov, named.dampening, named.weight_decay) == (True, 0.0, 0.1)
    runs = [hgref.Problem(d, J, 5, [1.0]) for d in (hgref.Nesterov(J), asked)]
    mine, other = (hgref.reverse(problem, {"eta": 0.1, "mu": 0.9}).s_T for problem in runs)
    assert np.array_equal(mine, other)
