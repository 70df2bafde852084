import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repro.data.speech.embedding import embedding, one_hot_windows

PHONE = np.array([0, 1, 2, 0, 1, 2, 2, 1, 0, 1])
STARTS = np.array([0, 6, 6, 10])


def test_windows_have_a_one_for_each_phone_around_within_the_recording():
    found = one_hot_windows(PHONE, STARTS, 3).toarray().reshape(10, 7, 3)
    assert set(np.unique(found)) == {0, 1}
    for t in range(10):
        first, last = (0, 5) if t < 6 else (6, 9)
        for k in range(7):
            u = t + k - 3
            expected = np.eye(3)[PHONE[u]] if first <= u <= last else np.zeros(3)
            np.testing.assert_array_equal(found[t, k], expected)


def drawn(seed, s=300, alphabet=5):
    rng = np.random.default_rng(seed)
    starts = np.array([0, s // 3, s])
    return rng.integers(0, alphabet, s), starts, alphabet, rng.integers(0, 9, s)


@given(st.integers(0, 99), st.integers(1, 35))
def test_a_pca_of_training_frames_with_mean_square_one(seed, q):
    phone, starts, alphabet, weight = drawn(seed)
    code = embedding(phone, starts, alphabet, weight, q)
    assert code.shape == (300, q)
    assert code.dtype == np.float32
    frames = np.repeat(code, weight, axis=0).astype(float)
    np.testing.assert_allclose(np.mean(frames**2), 1, rtol=1e-5)
    np.testing.assert_allclose(frames.mean(axis=0), 0, atol=1e-5)
    covariance = frames.T @ frames / len(frames)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-4)
    assert (np.diff(np.diag(covariance)) <= 1e-4).all()


def test_all_directions_keep_all_distances():
    phone, starts, alphabet, weight = drawn(0)
    code = embedding(phone, starts, alphabet, weight, 7 * alphabet).astype(float)
    windows = one_hot_windows(phone, starts, alphabet).toarray()
    between = np.linalg.norm(code[:50, None] - code[:50], axis=2)
    expected = np.linalg.norm(windows[:50, None] - windows[:50], axis=2)
    scale = between[0, 1] / expected[0, 1]
    np.testing.assert_allclose(between, scale * expected, atol=1e-4)


def test_what_is_not_in_training_does_not_move_the_directions():
    phone, starts, alphabet, weight = drawn(0)
    weight[100:] = 0
    other = phone.copy()
    other[100:] = (phone[100:] + 1) % alphabet
    a = embedding(phone, starts, alphabet, weight, 6)
    b = embedding(other, starts, alphabet, weight, 6)
    np.testing.assert_allclose(a[:100], b[:100], atol=1e-6)
    assert not np.allclose(a[100:], b[100:], atol=0.1)


def test_refusals():
    phone, starts, alphabet, weight = drawn(0)
    with pytest.raises(ValueError, match="q: expected an integer from 1 to 35, found 36"):
        embedding(phone, starts, alphabet, weight, 36)
    with pytest.raises(ValueError, match="training frames"):
        embedding(phone, starts, alphabet, 0 * weight, 3)
