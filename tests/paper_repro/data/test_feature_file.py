import io
import zipfile

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from paper_repro.data.feature_file import read_features

X = np.arange(12, dtype=np.float64).reshape(4, 3) / 7
Y = np.array([0, 1, 0, 1])


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def written(folder, data):
    path = folder / "mine.npz"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


@given(
    X=st.sampled_from([np.float16, np.float32, np.float64, np.int32, np.uint8]).flatmap(
        lambda dtype: hnp.arrays(
            dtype,
            hnp.array_shapes(min_dims=2, max_dims=2),
            elements={"min_value": 0, "max_value": 99},
        )
    ),
    dtype=st.sampled_from([np.uint8, np.int32, np.int64]),
)
def test_what_was_written_is_read(folder, X, dtype):
    X = np.concatenate([X, X])
    y = (np.arange(len(X)) % 2).astype(dtype)
    found_X, found_y = read_features(written(folder, npz(X=X, y=y, more=np.zeros(3))))
    np.testing.assert_array_equal(found_X, X.astype(np.float32))
    np.testing.assert_array_equal(found_y, y)
    assert (found_X.dtype, found_y.dtype) == (np.float32, np.int64)


def test_compressed_files_are_read(folder):
    file = io.BytesIO()
    np.savez_compressed(file, X=X, y=Y)
    np.testing.assert_array_equal(read_features(written(folder, file.getvalue()))[1], Y)


def with_raw_entry():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("X", b"text")
        archive.writestr("y", b"text")
    return file.getvalue()


BAD = np.array(X)
BAD[2, 1] = np.nan
REFUSED = {
    "nothing": (b"", "an .npz file with X and y"),
    "no archive": (b"<html>", "an .npz file with X and y"),
    "one array alone": (io.BytesIO(), "an .npz file with X and y"),
    "no y": (npz(X=X), "an .npz file with X and y, found: .*y"),
    "texts in place of arrays": (with_raw_entry(), "an .npz file with X and y"),
    "a pickle": (npz(X=X, y=np.array([0, None, 1, 1])), "an .npz file .*allow_pickle"),
    "X flat": (npz(X=X[0], y=Y), r"X: expected shape \(n, N\), found \(3,\)"),
    "y in columns": (npz(X=X, y=Y[:, None]), r"y: expected shape \(4,\), found \(4, 1\)"),
    "y too short": (npz(X=X, y=Y[:3]), r"y: expected shape \(4,\), found \(3,\)"),
    "no features": (npz(X=X[:, :0], y=Y), "examples with features, found X of shape"),
    "no examples": (npz(X=X[:0], y=Y[:0]), "examples with features, found X of shape"),
    "complex X": (npz(X=X + 1j, y=Y), "real numbers X and integers y, found complex128"),
    "texts": (npz(X=X.astype(str), y=Y), "real numbers X and integers y, found <U"),
    "y as floats": (npz(X=X, y=Y / 1), "real numbers X and integers y, found .* float64"),
    "NaN": (npz(X=BAD, y=Y), r"X: expected finite numbers, found nan at index \(2, 1\)"),
    "beyond float32": (npz(X=X * 1e300, y=Y), r"X: expected finite numbers, found inf at"),
    "a class alone": (npz(X=X, y=Y * 0), r"labels y from 0 to K - 1, found \[0\]"),
    "a class missing": (npz(X=X, y=Y * 2), r"labels y from 0 to K - 1, found \[0, 2\]"),
    "a class below zero": (npz(X=X, y=Y - 1), r"labels y from 0 to K - 1, found \[-1, 0\]"),
}
np.save(REFUSED["one array alone"][0], X)


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_by_name(folder, case):
    data, message = REFUSED[case]
    path = written(folder, data if isinstance(data, bytes) else data.getvalue())
    with pytest.raises(ValueError, match=rf"mine\.npz: .*{message}"):
        read_features(path)


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_features(tmp_path / "nowhere.npz")


GOOD = npz(X=X, y=Y)


@example(changes=[(GOOD.rindex(b"PK\5\6") + 16, 255)], keep=None)  # entries before the file
@given(
    changes=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4),
    keep=st.none() | st.integers(0, len(GOOD)),
)
def test_arbitrary_damage(folder, changes, keep):
    data = bytearray(GOOD)
    for position, value in changes:
        data[position] = value
    path = written(folder, bytes(data[:keep]))
    try:
        found, y = read_features(path)
        assert len(found) == len(y)
    except ValueError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017
