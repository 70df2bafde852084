import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from old_pickle import old_pickle

from paper_repro.data import cifar as module
from paper_repro.data.cifar import CIFAR_10, CIFAR_100, cifar_folders, read_cifar

BOTH = [CIFAR_10, CIFAR_100]


def names_of(which):
    return [f"thing {k}" for k in range(which.classes)]


def sample(which, n=2):
    """For each file: pixels (n, 3, 32, 32) and labels."""
    rng = np.random.default_rng(0)
    return {
        part: (rng.integers(0, 256, (n, 3, 32, 32), np.uint8), rng.integers(0, which.classes, n))
        for part in which.parts
    }


def contents(which, X, y):
    """What a pickle of the version for Python holds."""
    coarse = {"coarse_labels": [0] * len(y)} if which is CIFAR_100 else {}
    return {
        "batch_label": "training batch 1 of 5",
        which.label_key: [int(label) for label in y],
        **coarse,
        "data": X.reshape(len(X), -1),
        "filenames": [f"thing_s_{j:06}.png" for j in range(len(X))],
    }


def python3(value):
    """As old_pickle, but with Python 3's protocol 3 and bytes for the old texts."""

    def as_bytes(x):
        if isinstance(x, dict):
            return {as_bytes(k): as_bytes(v) for k, v in x.items()}
        if isinstance(x, list):
            return [as_bytes(item) for item in x]
        return x.encode("latin-1") if isinstance(x, str) else x

    return pickle.dumps(as_bytes(value), 3)


def write_pickled(root, which, parts, pickled=old_pickle):
    folder = root / which.pickled_folder
    folder.mkdir(parents=True)
    for part, (X, y) in parts.items():
        (folder / part).write_bytes(pickled(contents(which, X, y)))
    file, key = which.pickled_names
    meta = {"num_cases_per_batch": 10000, key: names_of(which), "num_vis": 3072}
    (folder / file).write_bytes(pickled(meta))
    return folder


def write_binary(root, which, parts):
    folder = root / which.binary_folder
    folder.mkdir(parents=True)
    for part, (X, y) in parts.items():
        coarse = np.full((len(y), which.label_bytes - 1), 77, np.uint8)
        rows = [coarse, y.astype(np.uint8)[:, None], X.reshape(len(X), -1)]
        (folder / f"{part}.bin").write_bytes(np.concatenate(rows, axis=1).tobytes())
    (folder / which.text_names).write_text("\n".join([*names_of(which), "", ""]))
    return folder


WRITERS = {
    "pickled": write_pickled,
    "pickled by Python 3": lambda *args: write_pickled(*args, pickled=python3),
    "binary": write_binary,
}


@pytest.mark.parametrize("place", [".", "lower"])
@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("which", BOTH, ids=lambda which: which.name)
def test_what_was_written_is_read(tmp_path, which, writer, place):
    parts = sample(which)
    WRITERS[writer](tmp_path if place == "." else tmp_path / which.name.lower(), which, parts)
    found = read_cifar(which, tmp_path)
    planes = np.concatenate([X for X, _ in parts.values()])
    for channel in range(3):
        np.testing.assert_array_equal(found.pixels[..., channel], planes[:, channel])
    np.testing.assert_array_equal(found.y, np.concatenate([y for _, y in parts.values()]))
    assert (found.name, found.classes) == (which.name, tuple(names_of(which)))
    assert found.y.dtype == np.int64


def test_pixels_stand_in_rows(tmp_path):
    parts = sample(CIFAR_10)
    X = next(iter(parts.values()))[0]
    X[:] = 0
    X[0, 1, 3, 5] = 9  # green, row 3, column 5
    write_binary(tmp_path, CIFAR_10, parts)
    assert read_cifar(CIFAR_10, tmp_path).pixels[0, 3, 5].tolist() == [0, 9, 0]


@pytest.mark.parametrize("which", BOTH, ids=lambda which: which.name)
def test_without_all_files_there_is_none(tmp_path, which):
    assert read_cifar(which, tmp_path) is None
    for write in (write_pickled, write_binary):
        folder = write(tmp_path, which, sample(which))
        for path in sorted(folder.iterdir()):
            content = path.read_bytes()
            path.unlink()
            assert read_cifar(which, tmp_path) is None
            path.write_bytes(content)
        path.unlink()
    assert [folder.is_relative_to(tmp_path) for folder in cifar_folders(which, tmp_path)] == [
        True
    ] * 4


def changed_pickle(**changes):
    """A batch with these entries changed; None takes one out."""
    content = contents(CIFAR_10, *next(iter(sample(CIFAR_10).values()))) | changes
    return old_pickle({key: value for key, value in content.items() if value is not None})


PICTURES = np.zeros((2, 3072), np.uint8)
DAMAGED = {
    "no pickle": (b"<html>", "expected a pickle of plain data, found"),
    "no mapping": (old_pickle([1]), "expected a mapping, found list"),
    "no pixels": (changed_pickle(data=None), "data: expected a PickledArray, found NoneType"),
    "pixels as text": (changed_pickle(data="abc"), "data: expected a PickledArray, found str"),
    "pixels too few": (changed_pickle(data=PICTURES[:, 1:]), r"data: .* found \(2, 3071\)"),
    "no labels": (changed_pickle(labels=None), "labels: expected a list, found NoneType"),
    "labels too few": (changed_pickle(labels=[1]), r"labels: .*\(2,\), found \(1,\)"),
    "labels too high": (changed_pickle(labels=[1, 10]), "expected labels from 0 to 9"),
    "labels below zero": (changed_pickle(labels=[1, -1]), "expected labels from 0 to 9"),
    "labels beyond int64": (changed_pickle(labels=[1, 2**80]), "expected labels from 0 to 9"),
    "labels as text": (changed_pickle(labels=[1, "2"]), "expected labels that are integers"),
    "labels that are truths": (changed_pickle(labels=[1, True]), "labels that are integers"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_pickles_are_refused(tmp_path, case):
    data, message = DAMAGED[case]
    folder = write_pickled(tmp_path, CIFAR_10, sample(CIFAR_10))
    (folder / "data_batch_3").write_bytes(data)
    with pytest.raises(ValueError, match=f"data_batch_3: .*{message}"):
        read_cifar(CIFAR_10, tmp_path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["one"], "expected 10 names of classes, found 1"),
        ([*"abcdefghi", 7], "expected names of classes, found int"),
        ("abcdefghij", "label_names: expected a list, found str"),
    ],
)
def test_damaged_names_are_refused(tmp_path, names, message):
    folder = write_pickled(tmp_path, CIFAR_10, sample(CIFAR_10))
    (folder / "batches.meta").write_bytes(old_pickle({"label_names": names}))
    with pytest.raises(ValueError, match=rf"batches\.meta: {message}"):
        read_cifar(CIFAR_10, tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected a multiple of 3073 bytes, found 0"),
        (b"\0" * 3072, "expected a multiple of 3073 bytes, found 3072"),
        (b"\x0a" + b"\0" * 3072, "labels: expected integers from 0 to 9, found 10"),
    ],
)
def test_damaged_binary_files_are_refused(tmp_path, data, message):
    folder = write_binary(tmp_path, CIFAR_10, sample(CIFAR_10))
    (folder / "test_batch.bin").write_bytes(data)
    with pytest.raises(ValueError, match=rf"test_batch\.bin: {message}"):
        read_cifar(CIFAR_10, tmp_path)


def test_files_of_another_size_altogether_are_not_read(tmp_path, monkeypatch):
    write_binary(tmp_path, CIFAR_10, sample(CIFAR_10))
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match="expected at most 1000 bytes, found 6146"):
        read_cifar(CIFAR_10, tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("cifar")
    return root, write_pickled(root, CIFAR_10, sample(CIFAR_10, 1)) / "data_batch_2"


BATCH = old_pickle(contents(CIFAR_10, *next(iter(sample(CIFAR_10, 1).values()))))


@given(
    changes=st.lists(
        st.tuples(st.integers(0, 160) | st.integers(-80, -1), st.integers(0, 255)), max_size=4
    ),
    keep=st.none() | st.integers(0, len(BATCH)),
)
def test_arbitrary_damage(whole, changes, keep):
    root, path = whole
    data = bytearray(BATCH)
    for position, value in changes:
        data[position] = value
    path.write_bytes(bytes(data[:keep]))
    try:
        found = read_cifar(CIFAR_10, root)
        assert found.pixels.shape[1:] == (32, 32, 3)
        assert len(found.y) == len(found.pixels)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017
