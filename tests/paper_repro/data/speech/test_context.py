import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repro.data.speech.context import (
    FEATURES,
    bounds_of,
    difference,
    dynamic,
    normalized,
    with_context,
)
from paper_repro.data.speech.fbank import STATIC

lengths = st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any)


def table(lengths, columns=STATIC, seed=0):
    starts = np.concatenate([[0], np.cumsum(lengths)])
    x = np.random.default_rng(seed).standard_normal((starts[-1], columns)).astype(np.float32)
    return x, starts


def test_bounds_are_the_first_and_last_row_of_the_recording():
    low, high = bounds_of(np.array([0, 3, 3, 5]))
    np.testing.assert_array_equal(low, [0, 0, 0, 3, 3])
    np.testing.assert_array_equal(high, [2, 2, 2, 4, 4])


@given(lengths)
def test_differences_are_regressions_over_five_frames(lengths):
    x, starts = table(lengths, 2)
    expected = []
    for u in range(len(lengths)):
        own = x[starts[u] : starts[u + 1]].astype(float)
        if len(own):
            padded = np.pad(own, ((2, 2), (0, 0)), mode="edge")
            slope = [np.polyfit(np.arange(-2, 3), padded[t : t + 5], 1)[0] for t in range(len(own))]
            expected += slope
    np.testing.assert_allclose(difference(x, *bounds_of(starts)), expected, atol=1e-5)


@given(lengths)
def test_features_are_static_first_and_second_differences_of_each_recording(lengths):
    x, starts = table(lengths)
    found = dynamic(x.astype(np.float16), starts)
    assert found.shape == (len(x), FEATURES)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:, :STATIC], x.astype(np.float16))
    low, high = bounds_of(starts)
    first = found[:, STATIC : 2 * STATIC]
    np.testing.assert_array_equal(first, difference(found[:, :STATIC], low, high))
    np.testing.assert_array_equal(found[:, 2 * STATIC :], difference(first, low, high))


@given(lengths)
def test_a_recording_does_not_see_its_neighbours(lengths):
    x, starts = table(lengths)
    whole = dynamic(x, starts)
    for u in range(len(lengths)):
        rows = slice(starts[u], starts[u + 1])
        alone = dynamic(x[rows], np.array([0, lengths[u]]))
        np.testing.assert_array_equal(whole[rows], alone)


def test_training_rows_get_mean_0_and_deviation_1():
    x = np.random.default_rng(0).normal(5, 3, (50, 4)).astype(np.float32)
    x[:, 3] = 7
    train = np.arange(50) < 30
    found = normalized(x, train)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[train].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found[train].std(axis=0), [1, 1, 1, 0], atol=1e-5)
    np.testing.assert_allclose(found[~train, :3].mean(axis=0), 0, atol=1)


def test_many_rows_are_summed_block_by_block():
    x = np.random.default_rng(0).normal(3, 2, (40000, 2)).astype(np.float32)
    found = normalized(x, np.ones(40000, bool))
    np.testing.assert_allclose(found, (x - x.mean(axis=0)) / x.std(axis=0), atol=1e-4)


def test_without_training_rows_there_is_no_mean():
    with pytest.raises(ValueError, match="training frames, found none"):
        normalized(np.zeros((3, 2), np.float32), np.zeros(3, bool))


@pytest.mark.parametrize("context", [0, 1, 5])
@given(lengths=lengths, data=st.data())
def test_context_is_the_rows_around_each_within_its_recording(context, lengths, data):
    x, starts = table(lengths, 3)
    low, high = bounds_of(starts)
    rows = np.array(data.draw(st.lists(st.integers(0, len(x) - 1), max_size=6)), dtype=int)
    found = with_context(x, rows, low[rows], high[rows], context)
    assert found.shape == (len(rows), 3 * (2 * context + 1))
    for row, shown in zip(rows, found, strict=True):
        around = [min(max(row + k, low[row]), high[row]) for k in range(-context, context + 1)]
        np.testing.assert_array_equal(shown, np.concatenate([x[t] for t in around]))
