import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from old_pickle import Call, Name, Reference, Unicode, old_pickle

from paper_repro.data.cnn import torch_file as module
from paper_repro.data.cnn.torch_file import MAGIC, read_torch

MACHINE = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
STORAGES = {"<f4": "torch FloatStorage", "<i8": "torch LongStorage"}


def tensor(key, array, storage=None, place=None):
    """As torch pickled a tensor: a function of a storage, offset, shape and strides."""
    kind = Name(STORAGES[array.dtype.str])
    identity = storage or ("storage", kind, Unicode(key), Unicode("cpu"), array.size, None)
    strides = tuple(s // array.itemsize for s in array.strides)
    place = place or (0, array.shape, strides)
    hooks = Call("collections OrderedDict")
    return Call("torch._utils _rebuild_tensor_v2", Reference(*identity), *place, False, hooks)


def torch_bytes(arrays, magic=MAGIC, machine=MACHINE, keys=None, **changes):
    """A file of torch.save before 1.6; `changes` replace tensors."""
    numbered = {name: str(94000 + j) for j, name in enumerate(arrays)}
    tensors = {Unicode(name): tensor(numbered[name], array) for name, array in arrays.items()}
    keys = [Unicode(key) for key in (keys or numbered.values())]
    pickles = [magic, 1001, machine, {**tensors, **changes}, keys]
    data = b"".join(old_pickle(part) for part in pickles)
    for array in arrays.values():
        data += struct.pack("<q", array.size) + array.tobytes(order="A")
    return data


def written(folder, data):
    path = folder / "weights-file"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("torch")


shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
arrays_by_name = st.dictionaries(
    st.text(max_size=8),
    st.sampled_from(["<f4", "<i8"]).flatmap(lambda dtype: hnp.arrays(dtype, shapes)),
    max_size=3,
)


@given(arrays=arrays_by_name, transposed=st.booleans())
def test_what_was_written_is_read(folder, arrays, transposed):
    if transposed:
        arrays = {name: array.T for name, array in arrays.items()}
    found = read_torch(written(folder, torch_bytes(arrays)))
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


def test_what_torch_writes_is_read(tmp_path):
    torch = pytest.importorskip("torch")
    whole = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    tensors = {"a": whole[1], "b": whole.permute(2, 0, 1), "n": torch.tensor(7), "v": whole[:, 1]}
    path = tmp_path / "file"
    torch.save(tensors, path, _use_new_zipfile_serialization=False)
    found = read_torch(path)
    assert list(found) == list(tensors)
    for name, t in tensors.items():
        np.testing.assert_array_equal(found[name], t.numpy())


ONE = {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}
GOOD = torch_bytes(ONE)
KIND, KEY = Name("torch FloatStorage"), Unicode("94000")


def with_storage(*identity):
    return torch_bytes(ONE, w=tensor("94000", ONE["w"], storage=identity))


def with_place(*place):
    return torch_bytes(ONE, w=tensor("94000", ONE["w"], place=place))


def stored(what="storage", kind=KIND, key=KEY, count=6, view=None):
    return with_storage(what, kind, key, Unicode("cpu"), count, view)


REFUSED = {
    "nothing": (b"", "a pickle of plain data"),
    "a zip file": (b"PK\3\4" + b"\0" * 30, "a pickle of plain data"),
    "another magic": (torch_bytes(ONE, magic=7), "torch's old format"),
    "another machine": (torch_bytes(ONE, machine={"little_endian": False}), "a little-endian"),
    "no machine": (torch_bytes(ONE, machine=[]), "a little-endian machine"),
    "a name too many": (torch_bytes(ONE, w=Name("os system")), "the name 'os system'"),
    "no tensor": (torch_bytes(ONE, w=7), "expected tensors by name"),
    "keys of no tensor": (torch_bytes(ONE, keys=["1"]), "expected the 1 keys of tensors"),
    "a key twice": (torch_bytes(ONE, keys=["94000"] * 2), "expected the 1 keys of tensors"),
    "no storage": (stored(what="module"), "a storage that is not"),
    "storage of another kind": (stored(kind=Unicode("torch")), "a storage that is not"),
    "a call of a kind": (
        torch_bytes(ONE, w=Call("torch FloatStorage", state=(3, ">"))),
        "not callable",
    ),
    "storage of no key": (stored(key=5), "a storage that is not"),
    "storage of a view": (stored(view=(1, 2)), "a storage that is not"),
    "storage of no count": (stored(count=-1), "a storage that is not"),
    "storage too long": (stored(count=2**40), "numbers in a storage, found others"),
    "storage too short": (stored(count=5), "a tensor of shape .* in a storage of 5 numbers"),
    "storage of too few parts": (with_storage("storage", KIND), "a storage that is not"),
    "a place that is no number": (with_place("0", (2, 3), (3, 1)), "not told in counts"),
    "a mapping with items": (
        torch_bytes(ONE, w=Call("collections OrderedDict", (("a", 1),))),
        "takes 1 positional argument",
    ),
    "a shape that is a text": (with_place(0, "", (1,)), "not told in counts"),
    "strides that are a list": (with_place(0, (6,), [1]), "not told in counts"),
    "a place before the storage": (with_place(-1, (2, 3), (3, 1)), "not told in counts"),
    "a place behind the storage": (with_place(1, (2, 3), (3, 1)), "inside of storages"),
    "strides beyond the storage": (with_place(0, (2, 3), (4, 1)), "inside of storages"),
    "strides too few": (with_place(0, (2, 3), (1,)), "inside of storages"),
    "a shape that repeats numbers": (with_place(0, (9, 9), (0, 0)), "in a storage of 6 numbers"),
    "too many axes": (with_place(0, (1,) * 5, (1,) * 5), "a tensor of shape"),
    "numbers cut": (GOOD[:-1], "expected 6 numbers in a storage"),
    "count cut": (GOOD[:-25], "expected 6 numbers in a storage"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_by_name(folder, case):
    data, message = REFUSED[case]
    with pytest.raises(ValueError, match=f"weights-file: .*{message}"):
        read_torch(written(folder, data))


def test_files_of_another_size_altogether_are_not_read(folder, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", len(GOOD) - 1)
    with pytest.raises(ValueError, match=f"expected at most {len(GOOD) - 1} bytes"):
        read_torch(written(folder, GOOD))


@given(
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4),
    keep=st.none() | st.integers(0, 2000),
)
def test_arbitrary_damage(folder, changes, keep):
    data = bytearray(GOOD)
    for position, value in changes:
        data[position % len(data)] = value
    path = written(folder, bytes(data[:keep]))
    try:
        assert all(isinstance(array, np.ndarray) for array in read_torch(path).values())
    except ValueError as error:
        assert str(error).startswith(f"{path}: expected ")  # noqa: PT017
