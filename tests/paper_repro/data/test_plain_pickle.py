import io
import os
import pickle
import pickletools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from old_pickle import Call, Name, Reference, old_pickle

from paper_repro.data import plain_pickle as module
from paper_repro.data.pickled_array import ARRAY_NAMES, PickledArray
from paper_repro.data.plain_pickle import read_pickle

HERE = Path("some-file")


def read(data, known=ARRAY_NAMES, refer=None):
    return read_pickle(io.BytesIO(data), HERE, known, refer)


texts = st.text(st.characters(max_codepoint=255), max_size=300)
leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | texts
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(texts, inner),
    max_leaves=12,
)


@given(value=values)
def test_plain_data_of_python_2_is_read(value):
    assert read(old_pickle(value)) == value


@given(value=values | st.binary(), protocol=st.sampled_from([2, 3]))
def test_plain_data_of_python_3_is_read(value, protocol):
    if protocol == 2 and isinstance(value, bytes):  # would call a codec
        value = None
    assert read(pickle.dumps(value, protocol)) == value


@given(array=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=0, max_side=5)))
def test_arrays_of_bytes_are_read(array):
    for data in (old_pickle(array), pickle.dumps(array, 3)):
        found = read(data)
        assert isinstance(found, PickledArray)
        np.testing.assert_array_equal(found.array, array)


def test_an_array_in_fortrans_order():
    array = np.asfortranarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    np.testing.assert_array_equal(read(pickle.dumps(array, 3)).array, array)


def test_pickles_may_follow_one_another():
    file = io.BytesIO(old_pickle(["a"]) + old_pickle(7) + b"rest")
    assert [read_pickle(file, HERE, {}) for _ in range(2)] == [["a"], 7]
    assert file.read() == b"rest"


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_executed(tmp_path, protocol):
    data = pickle.dumps({"data": Evil(tmp_path / "made")}, protocol)
    with pytest.raises(ValueError, match="some-file: expected a pickle of plain data, found: "):
        read(data)
    assert not (tmp_path / "made").exists()
    pickle.loads(data)
    assert (tmp_path / "made").exists()  # the pickle is one that would have


array_name = "numpy.core.multiarray _reconstruct"
dtype = Call("numpy dtype", "u1", 0, 1, state=(3, "|", None))
REFUSED = {
    "nothing": (b"", "pickle exhausted"),
    "no end": (b"\x80\x02N", "pickle exhausted"),
    "text, not a pickle": (b"<html>", "unknown"),
    "two values": (b"NN.", "left at the end"),
    "no value": (b".", "a damaged one .IndexError"),
    "open mark": (b"(N.", "left at the end"),
    "too few for a tuple": (b"N\x86.", "a damaged one .IndexError"),
    "append to nothing": (b"Na.", ""),
    "append to a text": (b"U\x01aNa.", "'str' object has no attribute 'append'"),
    "items without a mark": (b"}u.", ""),
    "odd items": (b"}(Nu.", "a mapping whose keys"),
    "a key that is a tuple": (b"})Ns.", "a mapping whose keys"),
    "memo that was not put": (b"h\x05.", "5"),
    "a length beyond the file": (b"T\xff\xff\xff\x7fabc.", "expected 2147483647 bytes"),
    "a negative length": (b"T\xff\xff\xff\xffabc.", "count < 0"),
    "text that is not UTF-8": (b"X\x01\0\0\0\xff.", "utf-8"),
    "a text with quotes": (b"S'q'\n.", "the operation STRING"),
    "a text with an unknown escape": (b"S'\\q'\n.", "DeprecationWarning"),
    "an object of a class": (b"(cnumpy\ndtype\no.", "the operation OBJ"),
    "a new object": (b"cnumpy\ndtype\n)\x81.", "the operation NEWOBJ"),
    "a length of protocol 4": (b"\x8e" + b"\xff" * 7 + b"\x7f.", "expected 9"),
    "a frame": (b"\x95" + b"\0" * 8 + b"N.", "the operation FRAME"),
    "an unknown name": (old_pickle(Name("os system")), "the name 'os system'"),
    "a call of data": (b"U\x01a)R.", "'str' object is not callable"),
    "a call of a mere mention": (old_pickle(Call("numpy ndarray")), "not callable"),
    "arguments that are no tuple": (b"cnumpy\ndtype\n]R.", "missing 3"),
    "too few arguments": (old_pickle(Call("numpy dtype", "u1")), "missing"),
    "items of a text": (b"U\x01aU\x01bNs.", "a mapping whose keys"),
    "state of a name": (b"cnumpy\ndtype\nNb.", "a state for a type"),
    "state of a text": (b"U\x01aNb.", "a state for a str"),
    "a persistent id": (old_pickle(Reference("x")), "a persistent id"),
    "floats": (old_pickle(np.zeros(2)), "other numbers than uint8"),
    "objects": (pickle.dumps(np.array([None]), 3), "other numbers than uint8"),
    "another array class": (
        old_pickle(Call(array_name, Name("numpy dtype"), (0,), "b")),
        "a subclass of numpy.ndarray",
    ),
    "a dtype with fields": (
        old_pickle(Call("numpy dtype", "u1", 0, 1, state=(3, "<", None))),
        "a dtype with fields",
    ),
    **{
        what: (old_pickle(Call(array_name, Name("numpy ndarray"), (0,), "b", state=state)), message)
        for what, state, message in [
            ("numbers missing", (1, (3,), dtype, False, "ab"), "2 numbers in an array of 3"),
            ("negative shape", (1, (-1, -2), dtype, False, "ab"), "shape is not .* counts"),
            ("shape with a text", (1, ("a",), dtype, False, "ab"), "shape is not .* counts"),
            ("shape beyond all", (1, (2**62, 2**62), dtype, False, "ab"), "2 numbers in an array"),
            ("too many axes", (1, (1,) * 99, dtype, False, "a"), "shape is not .* counts"),
            ("shape as a list", (1, [2], dtype, False, "ab"), "without shape"),
            ("numbers as a list", (1, (1,), dtype, False, [1]), "without shape, dtype and bytes"),
            ("no dtype", (1, (1,), "u1", False, "a"), "without shape, dtype and bytes"),
            ("four parts", (1, (1,), dtype, False), "without shape, dtype and bytes"),
        ]
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_by_name(case):
    data, message = REFUSED[case]
    with pytest.raises(ValueError, match=f"^some-file: expected a pickle .* found: .*{message}"):
        read(data)


def test_a_key_that_would_take_for_ever_to_hash():
    shared = b")" + b"".join(b"q%ch%c\x86" % (j, j) for j in range(100))
    for make in (b"}" + shared + b"Ns.", b"}(" + shared + b"Nu.", b"(" + shared + b"Nd."):
        with pytest.raises(ValueError, match="whose keys|the operation DICT"):
            read(make)


def test_a_place_far_out_in_the_memo_takes_no_memory():
    assert read(b"Nr\xff\xff\xff\xff.") is None


def test_too_many_operations_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MOST_OPERATIONS", 20)
    assert read(b"]" + b"Na" * 9 + b".") == [None] * 9
    with pytest.raises(ValueError, match="more than 20 operations"):
        read(b"]" + b"Na" * 10 + b".")


def test_messages_stay_short():
    with pytest.raises(ValueError, match="the name") as caught:
        read(b"c" + b"a" * 100_000 + b"\nb\n.")
    assert len(str(caught.value)) < 300


def read_or_refuse(data):
    try:
        read(data)
    except ValueError as error:
        assert str(error).startswith("some-file: expected a pickle of plain data, found: ")  # noqa: PT017


@given(data=st.binary(max_size=64))
def test_arbitrary_bytes(data):
    read_or_refuse(data)


CODES = [op.code.encode("latin-1") for op in pickletools.opcodes]
pieces = st.sampled_from([*CODES, b"\0", b"\1", b"numpy\ndtype\n", b"u1"]) | st.binary(max_size=3)


@given(data=st.lists(pieces, max_size=40).map(b"".join))
def test_arbitrary_operations(data):
    read_or_refuse(data + b".")


SAMPLE = {"data": np.arange(12, dtype=np.uint8).reshape(3, 4), "labels": [1, 2, 300], "x": "name"}


@given(
    protocol=st.sampled_from([None, 3]),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
    keep=st.none() | st.integers(0, 400),
)
def test_arbitrary_damage(protocol, changes, keep):
    data = bytearray(old_pickle(SAMPLE) if protocol is None else pickle.dumps(SAMPLE, protocol))
    for position, value in changes:
        data[position % len(data)] = value
    read_or_refuse(bytes(data[:keep]))
