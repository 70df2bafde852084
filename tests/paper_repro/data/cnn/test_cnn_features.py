"""Features are computed once, kept whole or not at all, and taken up again."""

import importlib.util
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_by_hand import ByHand

from paper_repro.data.cnn import features as module
from paper_repro.data.cnn.efficientnet import efficientnet
from paper_repro.data.cnn.features import Network, cnn_features, installed, read_kept


@pytest.fixture(scope="module")
def weights():
    made = ByHand()
    made.run(np.zeros((1, 32, 32, 3), np.uint8))
    return made.weights


@pytest.fixture
def made_up(monkeypatch, weights):
    """The network with made-up weights, five pictures at a time; counts those computed."""
    for name in ("onnx", "onnxruntime"):
        pytest.importorskip(name, reason="wants the extra `features`")
    monkeypatch.setattr(module, "PACKAGES", ("onnx", "onnxruntime"))
    monkeypatch.setattr(module, "pretrained", lambda: weights)
    monkeypatch.setattr(module, "CHUNK", 5)
    run, counts = Network.run, []

    def counted(self, pixels, output):
        counts.append(len(pixels))
        return run(self, pixels, output)

    monkeypatch.setattr(Network, "run", counted)
    return counts


def pixels(n=12, channels=1, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, channels), np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_features_are_those_of_the_network(made_up, weights, tmp_path, channels):
    X = cnn_features(pixels(channels=channels), tmp_path, 32)
    expected = Network(efficientnet(weights, 32)).run(pixels(channels=channels), "features")
    assert (X.shape, X.dtype) == ((12, 1280), np.float32)
    np.testing.assert_array_equal(X, X.astype(np.float16))
    np.testing.assert_allclose(X, expected, rtol=2**-11, atol=1e-5)


def test_features_are_computed_once(made_up, tmp_path):
    first = cnn_features(pixels(), tmp_path, 32)
    assert made_up == [5, 5, 2]
    np.testing.assert_array_equal(cnn_features(pixels(), tmp_path, 32), first)
    assert made_up == [5, 5, 2]


def test_other_pictures_sizes_or_weights_are_computed_anew(made_up, weights, tmp_path, monkeypatch):
    first = cnn_features(pixels(5), tmp_path, 32)
    others = [cnn_features(pixels(5, seed=1), tmp_path, 32), cnn_features(pixels(5), tmp_path, 40)]
    changed = {**weights, "_bn0.bias": weights["_bn0.bias"] + 1}
    monkeypatch.setattr(module, "pretrained", lambda: changed)
    others.append(cnn_features(pixels(5), tmp_path, 32))
    assert made_up == [5] * 4
    assert not any(np.array_equal(first, other) for other in others)


def test_an_interrupted_call_is_gone_on_with(made_up, tmp_path):
    def interrupted(starts):
        yield from starts[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cnn_features(pixels(), tmp_path, 32, interrupted)
    assert made_up == [5, 5]
    cnn_features(pixels(), tmp_path, 32)
    assert made_up == [5, 5, 2]


def test_damaged_files_are_made_anew(made_up, tmp_path):
    first = cnn_features(pixels(15), tmp_path, 32)
    files = sorted((tmp_path / "cnn-features").iterdir())
    files[0].write_bytes(files[0].read_bytes()[:-1])
    files[1].write_bytes(b"")
    with files[2].open("wb") as file:
        np.save(file, np.zeros((5, 3)))
    np.testing.assert_array_equal(cnn_features(pixels(15), tmp_path, 32), first)
    assert made_up == [5] * 6


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


KEPT = npy(np.ones((2, 3), np.float16))


@given(
    changes=st.lists(st.tuples(st.integers(0, len(KEPT) - 1), st.integers(0, 255)), max_size=4),
    keep=st.none() | st.integers(0, len(KEPT)),
)
def test_arbitrary_damage(tmp_path_factory, changes, keep):
    data = bytearray(KEPT)
    for position, value in changes:
        data[position] = value
    path = tmp_path_factory.mktemp("kept") / "file.npy"
    path.write_bytes(bytes(data[:keep]))
    found = read_kept(path, (2, 3))
    assert found is None or (found.shape, found.dtype) == ((2, 3), np.float16)


@pytest.mark.parametrize("array", [np.ones((2, 4), np.float16), np.ones((2, 3)), np.array(None)])
def test_other_arrays_are_not_taken_for_features(tmp_path, array):
    path = tmp_path / "file.npy"
    path.write_bytes(npy(array))
    assert read_kept(path, (2, 3)) is None
    path.write_bytes(KEPT)
    assert read_kept(path, (2, 3)).tolist() == [[1] * 3] * 2
    assert read_kept(tmp_path / "nowhere.npy", (2, 3)) is None


def test_a_disk_that_refuses_leaves_no_file(made_up, tmp_path, monkeypatch):
    def refuse(file, array):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "save", refuse)
    with pytest.raises(OSError, match="No space left"):
        cnn_features(pixels(), tmp_path, 32)
    assert list((tmp_path / "cnn-features").iterdir()) == []


@pytest.mark.parametrize("missing", module.PACKAGES)
def test_a_missing_package_is_named(monkeypatch, tmp_path, missing):
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == missing else object()
    )
    assert not installed()
    with pytest.raises(ModuleNotFoundError, match=rf"{missing} .* pip install .*features\]"):
        cnn_features(pixels(), tmp_path)


def test_a_size_too_small_for_the_network_is_refused(made_up, tmp_path):
    with pytest.raises(ValueError, match="px: expected at least 32, found 31"):
        cnn_features(pixels(), tmp_path, 31)
