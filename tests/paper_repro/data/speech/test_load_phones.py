import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timit_by_hand import ALPHABET, PHONE_SAMPLES, SENTENCES, SPEAKERS, sphere, write_timit

from paper_repro.data.speech.corpus import recordings
from paper_repro.data.speech.phones import load_phones


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    write_timit(root / "timit")
    return root


@pytest.fixture(scope="module")
def phones(root):
    return load_phones("auto", root, minutes=None, context=2, q=20)


PARTS = ("train", "valid", "test")


def parts(phones):
    return [phones.train, phones.valid, phones.test]


def test_shapes_and_name(phones):
    assert phones.name == "TIMIT, 0.163 minutes, 5 phones"
    assert phones.phones == sorted(ALPHABET)
    assert phones.states == 15
    frames = 1 + (10 * PHONE_SAMPLES - 400) // 160
    for name, part in zip(PARTS, parts(phones), strict=True):
        n = 2 * len(SPEAKERS[name]) * frames
        assert len(part) == n
        assert part.X.shape == (n, 5 * 123)
        assert part.target.shape == (n, 20)
        assert part.X.dtype == part.target.dtype == np.float32
        assert part.y.shape == (n,)
        assert part.y.dtype == np.int64


def test_labels_are_those_of_the_transcripts(root, phones):
    written = write_timit(root / "again")
    for i, (name, part) in enumerate(zip(PARTS, parts(phones), strict=True)):
        expected = []
        for r in recordings(root / "timit"):
            if r.part == i:
                said = written[name, r.speaker, r.sentence]
                middles = 160 * np.arange(1 + (len(said.x) - 400) // 160) + 200
                for middle in middles:
                    start, end, phone = said.phones[middle // PHONE_SAMPLES]
                    third = 3 * (middle - start) // (end - start)
                    expected.append(3 * phones.phones.index(phone) + third)
        np.testing.assert_array_equal(part.y, expected)
    assert len(SENTENCES) == 3  # SA1 among them, which is dropped


def test_training_features_have_mean_0_and_deviation_1_and_targets_mean_square_1(phones):
    middle = phones.train.X[:, 2 * 123 : 3 * 123]
    np.testing.assert_allclose(middle.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(middle.std(axis=0), 1, atol=1e-4)
    np.testing.assert_allclose(np.mean(phones.train.target.astype(float) ** 2), 1, rtol=1e-5)


@given(st.data())
def test_a_batch_is_rows_of_the_whole(phones, data):
    part = data.draw(st.sampled_from(parts(phones)))
    index = np.array(data.draw(st.lists(st.integers(0, len(part) - 1))), dtype=int)
    np.testing.assert_array_equal(part.inputs(index), part.X[index])
    np.testing.assert_array_equal(part.targets(index), part.target[index])


def test_frames_of_one_spoken_phone_have_one_target(phones):
    part = phones.train
    same = part.spoken[1:] == part.spoken[:-1]
    assert same.mean() > 0.5
    np.testing.assert_array_equal(part.target[1:][same], part.target[:-1][same])
    assert (np.abs(part.target[1:] - part.target[:-1]).max(axis=1)[~same] > 0).all()


def test_the_phones_can_be_told_apart(phones):
    """By the nearest of the states' mean features: the made-up phones are tones."""
    X, y = phones.train.X, phones.train.y // 3
    means = np.stack([X[y == p].mean(axis=0) for p in range(5)])
    distance = np.linalg.norm(phones.test.X[:, None] - means, axis=2)
    assert np.mean(distance.argmin(axis=1) == phones.test.y // 3) > 0.8


def test_context_none(root):
    bare = load_phones("timit", root, minutes=None, context=0, q=1)
    assert bare.train.X.shape[1] == 123


def test_sphere_reads_as_riff(root, phones, tmp_path):
    pytest.importorskip("soundfile", reason="NIST SPHERE is read by soundfile")
    write_timit(tmp_path / "TIMIT", str.lower, sphere)
    again = load_phones("auto", tmp_path, minutes=None, context=2, q=20)
    for a, b in zip(parts(again), parts(phones), strict=True):
        np.testing.assert_array_equal(a.X, b.X)
        np.testing.assert_array_equal(a.y, b.y)
        np.testing.assert_array_equal(a.target, b.target)


def test_frames_that_nothing_is_spoken_in_are_context_alone(timit):
    before = load_phones("timit", timit, minutes=None, context=1, q=2)
    file = timit / "TIMIT" / "TEST" / "DR1" / "FCCC0" / "SX7.PHN"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:4] + lines[5:]))
    after = load_phones("timit", timit, minutes=None, context=1, q=2)
    kept = np.ones(len(before.valid), bool)
    middles = 160 * np.arange(98) + 200
    kept[98:] = middles // PHONE_SAMPLES != 4  # the second of the two recordings
    np.testing.assert_array_equal(after.valid.y, before.valid.y[kept])
    np.testing.assert_array_equal(after.valid.X, before.valid.X[kept])


def test_minutes_choose_among_the_recordings_of_timit(root, phones):
    some = load_phones("timit", root, minutes=0.08, context=0, q=2)
    assert len(some.train) == len(phones.train) // 2
    assert len(some.valid) == len(phones.valid) // 2


def test_generated_speech(tiny):
    found = load_phones("auto", tiny[0], minutes=0.15, context=1, q=50)
    assert found.name.startswith("synthetic speech by espeak-ng, 0.")
    assert found.name.endswith(f" minutes, {len(found.phones)} phones")
    assert 25 < len(found.phones) <= 61
    for part in parts(found):
        assert len(part) > 100
        assert part.X.shape == (len(part), 3 * 123)
        assert np.isfinite(part.X).all()
        assert part.y.max() < found.states


def test_refusals(root, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="unknown source of speech 'tmit'.*'timit'"):
        load_phones("tmit", root)
    with pytest.raises(FileNotFoundError, match="timit: expected a folder timit"):
        load_phones("timit", tmp_path)
    with pytest.raises(ValueError, match="minutes: expected a number > 0, found 0"):
        load_phones("timit", root, minutes=0)
    with pytest.raises(ValueError, match="context: expected at least 0, found -1"):
        load_phones("timit", root, context=-1)
    with pytest.raises(ValueError, match="q: expected an integer from 1 to 35, found 36"):
        load_phones("timit", root, q=36)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="espeakng-loader is not installed"):
        load_phones("auto", tmp_path)
