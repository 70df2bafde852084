import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repro.data.images import Images
from paper_repro.data.pictures import DIGITS, FASHION, Pictures, balanced_choice, grey_pictures

LABELS = np.array([0, 1, 1])
PIXELS = np.zeros((3, 4, 4, 3), np.uint8)


def test_pictures_that_fit_are_accepted():
    for channels in (1, 3):
        Pictures("x", PIXELS[..., :channels], LABELS, ("a", "b"))


@pytest.mark.parametrize(
    ("pixels", "y", "message"),
    [
        (PIXELS[0], LABELS, "pictures: expected shape"),
        (PIXELS[:, :3], LABELS, r"pictures: expected shape \(n, 3, 3, channels\)"),
        (PIXELS[..., :2], LABELS, "pictures: expected 1 or 3 channels, found 2"),
        (PIXELS[:, :0, :0], LABELS, r"pictures: expected pictures with pixels, found .*\(3, 0, 0"),
        (PIXELS / 2, LABELS, "pictures: expected dtype uint8, found float64"),
        (PIXELS, LABELS[:2], r"labels: expected shape \(3,\), found \(2,\)"),
        (PIXELS, LABELS / 2, "labels: expected dtype int64, found float64"),
        (PIXELS, LABELS + 1, "labels: expected integers from 0 to 1, found 2 at"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(pixels, y, message):
    with pytest.raises(ValueError, match=f"^photos: {message}"):
        Pictures("photos", pixels, y, ("a", "b"))


def test_images_become_pictures_of_one_channel():
    X = np.arange(18, dtype=np.uint8).reshape(2, 9)
    found = grey_pictures(Images("x", X, np.array([9, 0]), 3), FASHION)
    np.testing.assert_array_equal(found.pixels[1, 2, 1], [16])
    assert [found.classes[k] for k in found.y] == ["ankle boot", "T-shirt"]
    assert len(DIGITS) == len(FASHION) == 10


labels = st.lists(st.integers(0, 2), min_size=3, max_size=30).map(lambda y: np.array([0, 1, 2, *y]))


@given(y=labels, seed=st.integers(0, 5))
def test_a_choice_has_as_many_of_each_class(y, seed):
    most = int(np.bincount(y).min())
    for per_class in (1, most):
        index = balanced_choice(y, ("a", "b", "c"), per_class, seed)
        np.testing.assert_array_equal(y[index], np.repeat([0, 1, 2], per_class))
        assert len(set(index.tolist())) == len(index)
    with pytest.raises(ValueError, match=f"class '[abc]' has, {most}, found {most + 1}"):
        balanced_choice(y, ("a", "b", "c"), most + 1, seed)


@given(y=labels)
def test_without_a_count_all_are_taken(y):
    index = balanced_choice(y, ("a", "b", "c"), None, 0)
    assert sorted(index.tolist()) == list(range(len(y)))
    assert (np.diff(y[index]) >= 0).all()


def test_the_seed_decides():
    y = np.zeros(100, np.int64)
    same, again, other = (balanced_choice(y, ("a",), 10, seed) for seed in (1, 1, 2))
    assert np.array_equal(same, again)
    assert not np.array_equal(same, other)


def test_classes_without_examples_are_refused():
    with pytest.raises(ValueError, match="per_class: .* class 'b' has, 0, found 1"):
        balanced_choice(np.zeros(3, np.int64), ("a", "b"), None, 0)


@pytest.mark.parametrize(
    ("per_class", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_counts_that_are_none_are_refused(per_class, error):
    with pytest.raises(error, match="per_class"):
        balanced_choice(LABELS, ("a", "b"), per_class, 0)
