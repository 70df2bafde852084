from collections import Counter

import numpy as np
import pytest
from timit_by_hand import ALPHABET, write_timit

from paper_repro.data.speech.corpus import recordings
from paper_repro.data.speech.phones import load_phones
from paper_repro.data.speech.segments import many_class


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    write_timit(root / "timit")
    return root


def test_examples_of_many_classes(root):
    phones = load_phones("timit", root, minutes=None, context=2, q=1)
    found = many_class("timit", root, classes=4, examples=6, minutes=None)
    assert found.name == phones.name
    assert found.X.shape == (24, 123)
    assert found.X.dtype == np.float32
    np.testing.assert_array_equal(found.y, np.repeat(np.arange(4), 6))
    assert set(found.classes) < set(ALPHABET)
    features = {}
    for part in (phones.train, phones.valid, phones.test):
        for spoken in np.unique(part.spoken):
            rows = part.spoken == spoken
            mean = part.X[rows, 2 * 123 : 3 * 123].mean(axis=0)
            features[spoken] = (mean, phones.phones[part.y[rows][0] // 3])
    for x, y in zip(found.X, found.y, strict=True):
        nearest = min(features.values(), key=lambda f: np.abs(f[0] - x).max())
        np.testing.assert_allclose(nearest[0], x, atol=1e-4)
        assert nearest[1] == found.classes[y]


def test_the_classes_are_the_phones_spoken_most(root):
    lines = [line for r in recordings(root / "timit") for line in r.phn.read_text().splitlines()]
    ranked = Counter(line.split()[2] for line in lines).most_common()
    assert ranked[2][1] > ranked[3][1]
    found = many_class("timit", root, classes=3, examples=3, minutes=None)
    assert found.classes == sorted(phone for phone, _ in ranked[:3])


def test_many_class_depends_on_the_seed_alone(root):
    draws = [
        many_class("timit", root, classes=3, examples=4, minutes=None, seed=seed).X
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_too_few_examples_are_refused(root):
    with pytest.raises(ValueError, match="4 phones spoken at least 1000 times, found 0"):
        many_class("timit", root, classes=4, examples=1000)
    with pytest.raises(ValueError, match="6 phones spoken at least 1 times, found 5"):
        many_class("timit", root, classes=6, examples=1)
    with pytest.raises(ValueError, match="classes: expected at least 1, found 0"):
        many_class("timit", root, classes=0)
