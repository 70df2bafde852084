"""Reversible learning: whole numbers that come back bit for bit, and the gradient they give."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import DYNAMICS, KINKED, build, choices, few, relative

import hgref
from hgref.hypergradient.fixed_point import Buffer, forgetful, least, product, remembered
from hgref.hypergradient.reversible import Backtrack
from hgref.verify.witness import complex_step

whole = st.lists(st.integers(-(2**62) + 1, 2**62 - 1), min_size=1, max_size=20).map(np.array)
rates = st.floats(0.01, 0.999)


@given(v=whole, mu=rates)
def test_products_are_floors_of_exact_fractions(v, mu):
    exact = Fraction(round(mu * 2**53), 2**53)
    assert product(v, mu).tolist() == [math.floor(int(x) * exact) for x in v]


@given(y=st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=20).map(np.array), mu=rates)
def test_least_is_the_least_whose_product_is_enough(y, mu):
    exact = Fraction(round(mu * 2**53), 2**53)
    for found, wanted in zip(least(y, mu).tolist(), y.tolist(), strict=True):
        assert math.floor(found * exact) >= wanted > math.floor((found - 1) * exact)


@given(v=whole, mus=st.lists(rates, min_size=1, max_size=8))
def test_products_are_taken_back_bit_for_bit(v, mus):
    buffer, seen = Buffer(), [v]
    for mu in mus:
        seen.append(forgetful(seen[-1], mu, buffer))
    for mu, after, before in zip(mus[::-1], seen[:0:-1], seen[-2::-1], strict=True):
        np.testing.assert_array_equal(remembered(after, mu, buffer), before)
    assert buffer.bits == 0


def test_the_buffer_holds_many_digits_at_once():
    rng, buffer = np.random.default_rng(0), Buffer()
    counts = rng.integers(1, 4, 200_000)
    digits = rng.integers(0, counts)
    for _ in range(2):
        buffer.push(digits, counts)
    for _ in range(2):
        np.testing.assert_array_equal(buffer.pop(counts), digits)
    assert buffer.bits == 0


@given(seed=st.integers(0, 2**32 - 1), large=st.sampled_from([1, 2, 3, 9, 300]))
def test_the_buffer_is_a_stack(seed, large):
    rng, buffer, pushed = np.random.default_rng(seed), Buffer(), []
    for _ in range(30):
        counts = rng.integers(1, large + 1, 300)
        digits = rng.integers(0, counts)
        buffer.push(digits, counts)
        pushed.append((digits, counts))
        if rng.random() < 0.4:
            digits, counts = pushed.pop()
            np.testing.assert_array_equal(buffer.pop(counts), digits)
    for digits, counts in reversed(pushed):
        np.testing.assert_array_equal(buffer.pop(counts), digits)
    assert buffer.bits == 0


@pytest.mark.parametrize("mu", [0.5, 0.7, 0.9, 0.99])
def test_a_product_forgets_as_many_bits_as_it_must(mu):
    buffer, size = Buffer(), 100_000
    v = np.random.default_rng(0).integers(-(2**50), 2**50, size)
    forgetful(v, mu, buffer)
    found, deviation = buffer.bits / size, math.sqrt(2 * (1 - mu) / size)
    assert found == pytest.approx(2 * (1 - mu), abs=5 * deviation)
    assert found >= math.log2(1 / mu)


reversible_dynamics = pytest.mark.parametrize("dynamics", ["momentum", "dampened"])


@reversible_dynamics
@pytest.mark.parametrize("objective", KINKED)
@few
@given(choice=choices())
def test_reversible_is_the_complex_step_and_reverse(dynamics, objective, choice):
    problem, lam = build(dynamics, objective, choice)
    g, kept = hgref.reversible(problem, lam), hgref.reverse(problem, lam)
    assert relative(g.grad, complex_step(problem.f, lam)) < 1e-11
    assert relative(g.grad, kept.grad) < 1e-12
    assert g.f == pytest.approx(kept.f, rel=1e-13)
    assert relative(g.s_T, kept.s_T) < 1e-12


@reversible_dynamics
@few
@given(choice=choices())
def test_every_state_is_recovered_bit_for_bit(dynamics, choice):
    problem, lam = build(dynamics, "softmax", choice)
    run, there = Backtrack(problem.at(lam), 1024.0), []
    pull = run.pull

    def watched(t):
        there.append(run.state())
        return pull(t)

    run.pull = watched
    run.train()
    run.pull = pull
    back = [s for _, s in run.back()]
    assert np.array_equal(back[::-1], there)
    assert run.buffer.bits == 0
    assert run.checksums == []


def long_run():
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((40, 12)), rng.integers(0, 3, 40)
    J = hgref.objectives.Softmax(X, y, 3, example_weights=True) + hgref.objectives.L2()
    E = hgref.objectives.Softmax(rng.standard_normal((20, 12)), rng.integers(0, 3, 20), 3)
    problem = hgref.Problem(hgref.Momentum(J), E, 2000, rng.standard_normal(J.p))
    return problem, problem.pack(eta=0.005, mu=0.9, weights=rng.uniform(0.5, 1, 40), l2=0.01)


def test_two_thousand_steps_in_a_hundredth_of_the_memory():
    problem, lam = long_run()
    g, kept = hgref.reversible(problem, lam), hgref.reverse(problem, lam)
    for name in g:
        assert relative(g[name], kept[name]) < 1e-12
    assert g.bits == pytest.approx(0.2, abs=0.01)
    assert g.stored == 2000 * problem.d * 8
    assert g.kept < g.stored / 100
    assert g.kept >= g.bits * problem.p * problem.T / 8


@pytest.mark.parametrize("dynamics", sorted(DYNAMICS.keys() - {"momentum", "dampened"}))
def test_others_are_refused_in_a_sentence(dynamics):
    rng = np.random.default_rng(0)
    J = hgref.objectives.Quadratic(np.eye(2), np.ones(2))
    problem = hgref.Problem(DYNAMICS[dynamics](J), J, 3)
    lam = problem.pack(**{n: rng.uniform(0.1, 0.5, s) for n, s in problem.layout.shapes.items()})
    with pytest.raises(TypeError, match="reversible: expected Momentum"):
        hgref.reversible(problem, lam)


def quadratic(T=50, w0=(1.0, 2.0)):
    J = hgref.objectives.Quadratic(np.eye(2), np.ones(2))
    return hgref.Problem(hgref.Momentum(J), J, T, w0)


@pytest.mark.parametrize("mu", [0.0, 1.0, 1.5, -0.1])
def test_a_mu_that_cannot_be_taken_back(mu):
    with pytest.raises(ValueError, match=r"mu: expected numbers in \(0, 1\)"):
        hgref.reversible(quadratic(), {"eta": 0.1, "mu": mu})


def test_numbers_beyond_the_largest_are_refused():
    problem = quadratic(w0=(1.0, 2000.0))
    with pytest.raises(
        OverflowError, match=r"largest: .* above 1024.0, found 2e\+03 at step t = 0"
    ):
        hgref.reversible(problem, {"eta": 0.1, "mu": 0.5})
    assert hgref.reversible(problem, {"eta": 0.1, "mu": 0.5}, largest=2**12).f < 0
    with pytest.raises(OverflowError, match="smaller eta"):
        hgref.reversible(quadratic(), {"eta": 40.0, "mu": 0.9})
    Q = hgref.objectives.Quadratic(np.eye(1), [0.5])
    still = hgref.Problem(hgref.Momentum(Q), Q, 3)
    assert hgref.reversible(still, {"eta": 0.01, "mu": 0.5}, largest=1).f < 0
    with pytest.raises(ValueError, match="largest: expected a number > 0"):
        hgref.reversible(problem, {"eta": 0.1, "mu": 0.5}, largest=0)


def test_a_velocity_beyond_the_largest_is_refused_though_weights_and_gradients_are_not():
    """v_1 = 600, v_2 = 0.9 · 600 + 600."""
    linear = hgref.objectives.Quadratic([[0.0]], [-600.0])
    problem = hgref.Problem(hgref.Momentum(linear), linear, 5, [0.0])
    with pytest.raises(OverflowError, match=r"above 1024.0, found 1.14e\+03 at step t = 2"):
        hgref.reversible(problem, {"eta": 1e-6, "mu": 0.9})


def test_what_is_kept_are_the_bits_and_a_checksum_of_four_bytes_every_root_of_t():
    for T, checksums in [(1, 1), (9, 3), (10, 4), (50, 8)]:
        g = hgref.reversible(quadratic(T), {"eta": 0.1, "mu": 0.75})
        assert g.kept == math.ceil(g.bits * 2 * T / 8) + 4 * checksums


def test_a_gradient_that_changes_is_noticed():
    rng = np.random.default_rng(0)
    J = hgref.objectives.Callback(
        value=lambda w, lam: w @ w / 2,
        grad=lambda w, lam: w + 1e-9 * rng.standard_normal(2),
        grad_vjp=lambda w, lam, u: (u, {}),
        p=2,
    )
    problem = hgref.Problem(hgref.Momentum(J), J, 30, [1.0, 2.0])
    with pytest.raises(ArithmeticError, match="not recovered bit for bit: J gave another gradient"):
        hgref.reversible(problem, {"eta": 0.1, "mu": 0.9})


def test_a_gradient_that_is_not_finite():
    J = hgref.objectives.Callback(
        value=lambda w, lam: 0.0, grad=lambda w, lam: w / 0, grad_vjp=lambda w, lam, u: (u, {}), p=1
    )
    E = hgref.objectives.Quadratic(np.eye(1), np.ones(1))
    problem = hgref.Problem(hgref.Momentum(J), E, 3, [1.0])
    with pytest.raises(hgref.Diverged, match="step t = 1, block 'v'"):
        hgref.reversible(problem, {"eta": 0.1, "mu": 0.9})
