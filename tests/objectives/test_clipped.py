"""Clipped gradients against the complex step, differences, and the formula by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hgref
import hgref.fast.cpu
from hgref.objectives import L2, Clipped, LeastSquares, Quadratic, Softmax

rng = np.random.default_rng(0)
X, y = rng.standard_normal((12, 3)), rng.integers(0, 3, 12)
ROWS = rng.integers(0, 12, (8, 5))


def problem_of(by, around, T=8):
    """Some steps are clipped, and some are not."""
    J = Softmax(X, y, 3, batches=ROWS)
    field = Clipped(J + L2(), by) if around == "sum" else Clipped(J, by) + L2()
    E = Softmax(X[:6], y[:6], 3)
    return hgref.Problem(hgref.Momentum(field), E, T, 0.1 * rng.standard_normal(12))


CLIP = {"norm": 0.45, "value": 0.15}
every = pytest.mark.parametrize(
    ("by", "around"), [(by, around) for by in CLIP for around in ("sum", "term")]
)


@every
def test_reverse_and_forward_are_the_complex_step(by, around):
    problem = problem_of(by, around)
    lam = problem.pack(eta=0.5, mu=0.6, l2=0.05, clip=CLIP[by])
    true = hgref.witness.complex_step(problem.f, lam)
    for algorithm in (hgref.reverse, hgref.forward, hgref.checkpointed):
        np.testing.assert_allclose(algorithm(problem, lam).grad, true, rtol=1e-11)
    assert hgref.reverse(problem, lam)["clip"] != 0
    large = problem.pack(eta=0.5, mu=0.6, l2=0.05, clip=1e3)
    assert hgref.reverse(problem, large)["clip"] == 0
    assert hgref.check(problem, lam, true).verdict == "right"


@pytest.mark.parametrize("by", CLIP)
@given(st.integers(0, 2**31 - 1), st.floats(0.05, 5))
def test_products_are_derivatives_and_transposes(by, seed, clip):
    random = np.random.default_rng(seed)
    J, w = Clipped(LeastSquares(X, X[:, 0], bias=False), by), random.standard_normal(3)
    lam, u, dw = {"clip": np.array(clip)}, random.standard_normal(3), random.standard_normal(3)
    found = J.at(1, w, lam).jvp(dw[:, None], {"clip": np.array([0.7])})[:, 0]
    moved = J.grad(1, w + 1e-30j * dw, {"clip": clip + 0.7e-30j}).imag / 1e-30
    np.testing.assert_allclose(found, moved, rtol=1e-11, atol=1e-13)
    row, share = J.grad_vjp(1, w, lam, u)
    assert u @ found == pytest.approx(row @ dw + 0.7 * share["clip"], rel=1e-11, abs=1e-12)


def test_the_norm_of_a_clipped_gradient_is_the_bound():
    J, w = Quadratic(np.eye(2), [0.0, 0.0]), np.array([3.0, 4.0])
    bound = {"clip": np.array(2.0)}
    np.testing.assert_allclose(Clipped(J).grad(1, w, bound), [1.2, 1.6])
    np.testing.assert_array_equal(Clipped(J, by="value").grad(1, -w, bound), [-2.0, -2.0])
    np.testing.assert_array_equal(Clipped(J).grad(1, w, {"clip": np.array(5.0)}), w)


def test_the_fast_layer_computes_the_same():
    problem = problem_of("norm", "term")
    lam = problem.pack(eta=0.5, mu=0.6, l2=0.05, clip=0.45)
    true = hgref.reverse(problem, lam).grad
    np.testing.assert_allclose(hgref.fast.cpu.reverse(problem, lam).grad, true, rtol=1e-11)


def test_what_is_refused():
    J = Quadratic(np.eye(2), [0.0, 0.0])
    with pytest.raises(ValueError, match="by: expected one of"):
        Clipped(J, by="global")
    with pytest.raises(TypeError, match="J: expected an objective, found int"):
        Clipped(3)
    with pytest.raises(ValueError, match="Clipped: J has a block 'clip' already"):
        Clipped(Clipped(J)).hyper(2)
    problem = hgref.Problem(hgref.GradientDescent(Clipped(J)), J, 2, [1.0, 2.0])
    with pytest.raises(ValueError, match="clip"):
        hgref.reverse(problem, {"eta": 0.1, "clip": -1.0})
    with pytest.raises(NotImplementedError, match="Clipped: expected it to define `value`"):
        hgref.Problem(hgref.GradientDescent(J), Clipped(J), 1, [1.0, 2.0]).f(
            {"eta": 0.1, "clip": 1}
        )
