"""The split and the wrong labels are what section 5.1 says."""

import numpy as np
import pytest

from paper_repro.hyper_cleaning.corruption import corrupt


def test_half_of_the_training_labels_are_wrong_and_no_others(images, setting):
    data = corrupt(images, setting)
    assert data.wrong.sum() == 60
    assert np.array_equal(data.train.y != data.truth, data.wrong)
    assert set(np.unique(data.train.y)) <= set(range(10))
    assert (len(data.train.y), len(data.valid.y), len(data.test.y)) == (120, 100, 150)


def test_every_example_keeps_its_image_and_stands_in_one_part(images, setting):
    data = corrupt(images, setting)
    pixels = {image.tobytes(): label for image, label in zip(images.X, images.y, strict=True)}
    parts = [(data.train.X, data.truth), (data.valid.X, data.valid.y), (data.test.X, data.test.y)]
    seen = [
        (np.rint(255 * image).astype(np.uint8).tobytes(), label)
        for X, y in parts
        for image, label in zip(X, y, strict=True)
    ]
    assert len({image for image, _ in seen}) == len(seen) == 370
    assert all(pixels[image] == label for image, label in seen)


def test_the_seed_decides(images, setting):
    same, again = corrupt(images, setting), corrupt(images, setting)
    other = corrupt(images, setting.changed(seed=1))
    assert np.array_equal(same.train.y, again.train.y)
    assert not np.array_equal(same.train.y, other.train.y)


def test_too_few_images_are_refused(images, setting):
    with pytest.raises(ValueError, match=r"made-up patterns: expected at least 650 images .*400"):
        corrupt(images, setting.changed(train=400))
