"""Counts of multiplications by hand, and laws that every prediction follows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hgref
from hgref.planning import rates as machine
from hgref.planning.rates import Rates, measured, through
from hgref.planning.seconds import Seconds
from hgref.planning.sizes import Data, Sizes

NOTHING = Rates(0, 0, 0, 0, 0, small=0, threaded=0, call=0, copied=0, sent=0, task=0)
MULTIPLICATIONS = replace(NOTHING, product=1)
SOME = Rates(1e-10, 5e-11, 1e-9, 1e-10, 7e-9)
n, N, C, H = 5000, 784, 10, 128


def linear(T=10, m=1, **about):
    return Sizes(T=T, m=m, J=(Data(n, (N, C), **about),), E=(Data(n, (N, C)),))


def count(sizes):
    return Seconds(sizes, 8, MULTIPLICATIONS)


def test_multiplications_of_a_linear_model():
    """X Wᵀ and Rᵀ X, and the same for each tangent."""
    W = n * N * C
    assert count(linear()).step() == 2 * W
    assert count(linear()).tangents(7) == 2 * W * (1 + 7)
    assert count(linear()).adjoint(recompute=False) == 2 * W
    assert count(linear()).adjoint(recompute=True) == 3 * W
    assert count(linear(batch=50)).step() == 2 * W / 100


def test_multiplications_of_a_network():
    """h W, δ W and δᵀ h above the first layer; a tangent has two of each by the product rule."""
    first, second = n * N * H, n * H * C
    net = count(Sizes(T=1, m=1, J=(Data(n, (N, H, C)),)))
    assert net.step() == 2 * first + 3 * second
    assert net.tangents(2) == 3 * 2 * first + (3 + 2 * 6) * second
    assert net.adjoint(recompute=False) == 2 * first + 6 * second


def test_multiplications_of_a_sparse_model():
    rates = replace(NOTHING, sparse_entry=1)
    assert Seconds(linear(nonzeros=1000), 8, rates).step() == 2 * 1000


@given(T=st.integers(1, 10**5), m=st.integers(1, 1000), threads=st.integers(1, 64))
def test_seconds_are_those_of_steps_and_columns(T, m, threads):
    """Affine in T and in m; threads never make anything slower."""

    def forward(T, m, threads=1):
        made = hgref.plan(linear(T, m), rates=SOME.on(threads))
        return next(way.seconds for way in made.ways if way.call.startswith("forward"))

    once = forward(1, m) - (forward(2, m) - forward(1, m))
    assert forward(T, m) == pytest.approx(once + T * (forward(1, m) - once))
    per_column = forward(T, m + 1) - forward(T, m)
    assert per_column == pytest.approx(forward(T, m + 2) - forward(T, m + 1), rel=1e-6)
    assert forward(T, m, threads) <= forward(T, m)


def test_what_is_run_again_takes_its_time():
    sizes = linear(T=400)
    ways = hgref.plan(sizes, "60 MB", rates=SOME).ways
    seconds = Seconds(sizes, 8, SOME)
    whole = next(way for way in ways if way.call == "reverse(problem, lam)")
    for way in ways:
        if way.call.startswith("checkpointed") and "recompute" not in way.call:
            again = (way.steps - whole.steps) * seconds.step()
            assert way.seconds == pytest.approx(whole.seconds + again)
            assert again > 0


def test_workers_take_their_share_of_the_columns_and_wait_for_the_data():
    rates = replace(SOME, sent=1.0)
    made = hgref.plan(linear(m=32), workers=4, rates=rates.on(1)).ways
    way = next(way for way in made if way.workers == 4)
    eight = next(
        way for way in hgref.plan(linear(m=8), rates=rates.on(1)).ways if "forw" in way.call
    )
    assert way.seconds == pytest.approx(eight.seconds + 4 * way.sent, rel=1e-3)
    assert way.products == eight.products


def test_rates_are_measured_once_and_are_rates():
    for itemsize in (8, 4):
        rates = measured(itemsize)
        assert rates is measured(itemsize)
        assert 0 < rates.product < 1e-8
        assert 0 < rates.weight < 1e-6
        assert min(rates.entry, rates.sparse_entry, rates.sparse_product) >= 0
    assert rates.on(3).threads == 3


@pytest.mark.parametrize("line", [(2.0, 0.5), (0.0, 1.0), (30.0, 0.5)])
def test_a_line_through_two_points(line):
    a, b = line
    assert through(lambda columns: 2 * (a + b * columns)) == pytest.approx(line)


@given(few=st.floats(1e-9, 1.0), many=st.floats(1e-9, 1.0))
def test_noise_bends_no_line_out_of_reason(few, many):
    """Whatever was measured, nothing is for free and nothing negative."""
    a, b = through(dict(zip(machine.COLUMNS, (2 * few, 2 * many), strict=True)).__getitem__)
    assert a >= 0
    assert many / 2 <= b * machine.COLUMNS[1] <= many * (1 + 1e-12)


def test_of_one_thread_nothing_is_shared():
    big = Data(10**6, (100, 10))
    alone, eight = (
        Seconds(Sizes(T=1, m=1, J=(big,)), 8, replace(SOME, threaded=0.0).on(k)).step()
        for k in (1, 8)
    )
    assert alone == pytest.approx(8 * eight, rel=0.01)
    assert np.isfinite(alone)
