"""The losses of the two heads, and the validation error that keeps a diary."""

import numpy as np
import pytest
from scipy.special import log_softmax

from paper_repro.phones.two_heads import Enough, Watch, error_and_accuracy, training

LAM = {"eta": np.array(0.1), "mu": np.array(0.5), "rho": np.array(3.0)}


def logits(w, X):
    """The network written out: one hidden layer of rectified units, eight outputs."""
    sizes = [(6, 8), (6,), (8, 6), (8,)]
    V, a, W, b = np.split(w, np.cumsum([np.prod(size) for size in sizes])[:-1])
    return np.maximum(X @ V.reshape(6, 8).T + a, 0) @ W.reshape(8, 6).T + b


@pytest.fixture
def w(start):
    return start + np.random.default_rng(1).normal(0, 0.5, len(start))


def sampled(part, wanted, seed):
    return np.sort(np.random.default_rng(seed).permutation(len(part))[:wanted])


def test_the_validation_error_is_the_cross_entropy_of_the_states_alone(phones, losses, setting, w):
    index = sampled(phones.valid, setting.valid, setting.seed + 1)
    assert len(losses.E.y) == setting.valid == len(set(index))
    X, y = phones.valid.X[index], phones.valid.y[index]
    z = logits(w, X.astype(float))[:, :6]
    expected = -log_softmax(z, axis=1)[np.arange(len(y)), y].mean()
    assert losses.E.value(1, w, LAM) == pytest.approx(expected, rel=1e-12)
    error, found = error_and_accuracy(losses.E, w)
    assert error == pytest.approx(expected, rel=1e-12)
    assert found == 100 * np.mean(z.argmax(axis=1) == y)


def test_the_training_error_has_the_second_task_with_its_weight(phones, losses, setting, w):
    batch = np.random.default_rng(setting.seed).integers(0, 240, (setting.T, setting.batch))[6]
    X, y = phones.train.X[batch].astype(float), phones.train.y[batch]
    z = logits(w, X)
    first = -log_softmax(z[:, :6], axis=1)[np.arange(len(y)), y]
    second = ((z[:, 6:] - phones.train.target[batch]) ** 2).sum(axis=1) / 2
    assert losses.J.value(7, w, LAM) == pytest.approx((first + 3 * second).mean(), rel=1e-12)


def test_the_authors_second_head_is_rectified(phones, losses, setting, w):
    rectified = training(phones, setting.changed(authors=True))
    batch = np.random.default_rng(setting.seed).integers(0, 240, (setting.T, setting.batch))[6]
    z = np.maximum(logits(w, phones.train.X[batch].astype(float))[:, 6:], 0)
    second = ((z - phones.train.target[batch]) ** 2).sum(axis=1) / 2
    first = losses.J.value(7, w, {"rho": np.array(0.0)})
    assert rectified.value(7, w, LAM) == pytest.approx(first + 3 * second.mean(), rel=1e-12)
    assert rectified.value(7, w, LAM) != losses.J.value(7, w, LAM)


def test_the_test_error_sees_all_test_frames(phones, losses):
    assert len(losses.test.y) == len(phones.test)


def test_more_validation_frames_than_there_are_is_all_of_them(phones, setting):
    from paper_repro.phones.two_heads import validation

    assert len(validation(phones, setting.changed(valid=10_000)).y) == len(phones.valid)


def test_the_seed_decides_the_batches(phones, setting, losses, w):
    again, other = (training(phones, setting.changed(seed=seed)) for seed in (0, 1))
    assert again.value(1, w, LAM) == losses.J.value(1, w, LAM)
    assert other.value(1, w, LAM) != losses.J.value(1, w, LAM)


def test_the_watch_keeps_rows_and_the_best_and_last_weights(losses, start):
    rng, seen = np.random.default_rng(5), []
    watch = Watch(losses.E, lambda rows: "three" if len(rows) == 3 else "", seen.append)
    looks = [start, start + rng.normal(0, 1, len(start)), start + rng.normal(0, 9, len(start))]
    for t, w in enumerate(looks[:2], 1):
        assert watch.value(t, w, LAM) == pytest.approx(losses.E.value(t, w, LAM), rel=1e-12)
    with pytest.raises(Enough, match="^three$"):
        watch.value(3, looks[2], LAM)
    assert watch.rows == seen
    assert [row["t"] for row in seen] == [1, 2, 3]
    assert all((row["eta"], row["mu"], row["rho"]) == (0.1, 0.5, 3) for row in seen)
    assert np.all(np.diff([0, *(row["seconds"] for row in seen)]) > 0)
    found = [error_and_accuracy(losses.E, w)[1] for w in looks]
    assert [row["accuracy"] for row in seen] == found
    assert len(set(found)) == 3
    np.testing.assert_array_equal(watch.best, looks[np.argmax(found)])
    np.testing.assert_array_equal(watch.w, looks[2])
    np.testing.assert_array_equal(watch.grad(1, start, LAM), losses.E.grad(1, start, LAM))


def test_the_best_look_is_the_first_of_those_with_its_accuracy(losses, start):
    watch = Watch(losses.E, lambda rows: "", lambda row: None)
    w = start.copy()
    watch.value(1, w, LAM)
    w[-1] += 1e-9  # of the second head: no state changes; and the watch kept a copy
    np.testing.assert_array_equal(watch.w, start)
    watch.value(2, w, LAM)
    np.testing.assert_array_equal(watch.best, start)
    np.testing.assert_array_equal(watch.w, w)


def test_a_look_that_is_not_finite_leaves_no_row(losses, start):
    watch = Watch(losses.E, lambda rows: "", lambda row: None)
    with np.errstate(all="ignore"):
        assert not np.isfinite(watch.value(1, np.full_like(start, 1e308), LAM))
    assert watch.rows == []
