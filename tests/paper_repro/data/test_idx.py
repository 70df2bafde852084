import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from paper_repro.data.idx import CHUNK, KINDS, read_idx

CODES = {np.dtype(order).newbyteorder("="): code for code, order in KINDS.items()}


def idx_bytes(array):
    axes = np.array(array.shape, ">u4").tobytes()
    magic = bytes([0, 0, CODES[array.dtype], array.ndim])
    return magic + axes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def written(folder, data, name="file"):
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


arrays = st.sampled_from(list(CODES)).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=3, max_side=6))
)
packings = st.sampled_from([bytes, gzip.compress])
SAMPLE = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@given(array=arrays, pack=packings)
def test_what_was_written_is_read(folder, array, pack):
    found = read_idx(written(folder, pack(idx_bytes(array))))
    assert found.dtype == array.dtype
    assert found.dtype.isnative
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()


def test_every_kind_of_the_format_is_known():
    assert sorted(CODES.values()) == [0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E]


def test_known_bytes(folder):
    path = written(folder, bytes([0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0x01, 0x02, 0xFF, 0xFE]))
    np.testing.assert_array_equal(read_idx(path), np.array([[258, -2]], np.int16))


def test_the_array_may_be_written_to(folder):
    found = read_idx(written(folder, idx_bytes(SAMPLE)))
    found[0] = 7
    assert (found[0] == 7).all()


@pytest.mark.parametrize(
    ("name", "pack"), [("packed-without-suffix", gzip.compress), ("plain.gz", bytes)]
)
def test_the_first_bytes_and_not_the_name_tell_the_packing(folder, name, pack):
    path = written(folder, pack(idx_bytes(SAMPLE)), name)
    np.testing.assert_array_equal(read_idx(path), SAMPLE)
    np.testing.assert_array_equal(read_idx(str(path)), SAMPLE)


def test_a_file_longer_than_one_chunk(folder):
    array = np.random.default_rng(0).integers(0, 256, CHUNK + 17, dtype=np.uint8)
    for pack in (bytes, lambda data: gzip.compress(data, 1)):
        np.testing.assert_array_equal(read_idx(written(folder, pack(idx_bytes(array)))), array)


HEADER = idx_bytes(SAMPLE)[:16]
MALFORMED = {
    "empty": (b"", "an IDX file"),
    "magic cut": (HEADER[:3], "an IDX file"),
    "magic wrong": (b"\x01" + idx_bytes(SAMPLE)[1:], "an IDX file"),
    "kind unknown": (b"\0\0\x0a" + idx_bytes(SAMPLE)[3:], "a kind of number .* found 0x0A"),
    "no axes": (b"\0\0\x08\0\x05", "1 to 32 axes, found 0"),
    "too many axes": (b"\0\0\x08\xff" + b"\0\0\0\x01" * 255 + b"\x05", "1 to 32 axes, found 255"),
    "axes cut": (HEADER[:-1], "12 bytes of axis lengths, found 11"),
    "axis of length zero": (b"\0\0\x08\x02\0\0\0\0\0\0\0\x05", r"found shape \(0, 5\)"),
    "numbers cut": (idx_bytes(SAMPLE)[:-1], "24 bytes for shape .* found 23"),
    "bytes left over": (idx_bytes(SAMPLE) + b"\0", "24 bytes for shape .* found more"),
    "shape beyond all memory": (b"\0\0\x0e\x04" + b"\xff" * 16 + b"\0" * 9, "found 9"),
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_files_are_refused_by_name(folder, case, pack):
    data, message = MALFORMED[case]
    path = written(folder, pack(data), "malformed-file")
    with pytest.raises(ValueError, match=f"malformed-file: expected .*{message}"):
        read_idx(path)


PACKED = gzip.compress(idx_bytes(SAMPLE))


@pytest.mark.parametrize(
    "data",
    [
        PACKED[:2],
        PACKED[:-1],
        PACKED[:-9],
        PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:],
        PACKED + b"left over",
    ],
    ids=["only the magic", "length cut", "numbers cut", "checksum wrong", "bytes left over"],
)
def test_damaged_packing_is_refused_by_name(folder, data):
    path = written(folder, data, "damaged-file")
    with pytest.raises(ValueError, match="damaged-file: expected a whole gzip file, found"):
        read_idx(path)


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nowhere")


def memory_to_refuse(path):
    """The most bytes held at any time while read_idx refuses the file."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="expected"):
            read_idx(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_an_announced_size_costs_no_memory(folder, pack):
    path = written(folder, pack(b"\0\0\x0e\x01\x7f\xff\xff\xff" + b"\0" * 9))  # 17 GB
    assert memory_to_refuse(path) < 4 * CHUNK


def test_no_more_is_unpacked_than_announced(folder):
    bomb = gzip.compress(idx_bytes(SAMPLE) + b"\0" * (32 * CHUNK), 1)
    assert memory_to_refuse(written(folder, bomb)) < 4 * CHUNK


def read_or_refuse(path):
    """Read the file; only a ValueError that names it may come instead of an array."""
    try:
        assert isinstance(read_idx(path), np.ndarray)
    except ValueError as error:
        assert str(error).startswith(f"{path}: expected ")  # noqa: PT017


@given(
    data=st.binary(max_size=64), start=st.sampled_from([b"", b"\0\0", b"\0\0\x08\x01", b"\x1f\x8b"])
)
def test_arbitrary_bytes(folder, data, start):
    read_or_refuse(written(folder, start + data))


@given(
    array=arrays,
    pack=packings,
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
    keep=st.none() | st.integers(0, 400),
    more=st.binary(max_size=8),
)
def test_arbitrary_damage(folder, array, pack, changes, keep, more):
    data = bytearray(pack(idx_bytes(array)))
    for position, value in changes:
        data[position % len(data)] = value
    read_or_refuse(written(folder, bytes(data[:keep]) + more))


@given(data=st.binary(max_size=64))
def test_arbitrary_bytes_inside_of_good_packing(folder, data):
    read_or_refuse(written(folder, gzip.compress(b"\0\0" + data)))
