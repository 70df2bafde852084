"""Reading what torch.save wrote before torch 1.6, without torch: arrays by name."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hgref.arguments import Array
from paper_repro.data.plain_pickle import Named, Stateful, read_pickle

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
NUMBERS = {"torch FloatStorage": "<f4", "torch LongStorage": "<i8"}
MOST_BYTES = 2**26


class Tensor:
    """A place in a storage, as torch's pickles describe a tensor.

    offset, strides  in numbers; `of` leaves it to NumPy to check that they stay in the storage
    """

    def __init__(
        self, storage: Any, offset: Any, shape: Any, strides: Any, wants_grad: Any, hooks: Any
    ):
        if not isinstance(storage, Storage):
            raise ValueError(f"a tensor in a {type(storage).__name__}")
        tuples = isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) <= 4
        if not tuples or not all(is_count(n) for n in (offset, *shape, *strides)):
            raise ValueError("a tensor whose place is not told in counts")
        if math.prod(shape) > storage.count:
            raise ValueError(f"a tensor of shape {shape} in a storage of {storage.count} numbers")
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def of(self, numbers: Array) -> Array:
        """The tensor as a view of the numbers of its storage."""
        size = numbers.itemsize
        strides = [size * n for n in self.strides]
        return np.ndarray(self.shape, numbers.dtype, numbers, size * self.offset, strides)


class Storage:
    """Numbers that follow after the pickles: `count` of one kind, under a key."""

    def __init__(self, identity: Any):
        what, kind, key, _, count, view = identity
        if what != "storage" or not isinstance(kind, Named) or kind.name not in NUMBERS:
            raise ValueError("a storage of other numbers than float32 and int64")
        if not isinstance(key, str) or not is_count(count) or view is not None:
            raise ValueError("a storage that is not told by key and count")
        self.dtype, self.key, self.count = np.dtype(NUMBERS[kind.name]), key, count


class StateDict(dict[Any, Any], Stateful):
    """Stands for OrderedDict; its state, the layers' versions, is of no use here."""

    def set_state(self, state: Any) -> None:
        pass


KNOWN: dict[str, Callable[..., Any] | None] = {
    "collections OrderedDict": StateDict,
    "torch._utils _rebuild_tensor_v2": Tensor,
    **dict.fromkeys(NUMBERS),
}


def read_torch(path: Path) -> dict[str, Array]:
    """The arrays in a file that torch.save wrote before torch 1.6, by name.

        magic | version | sizes of numbers | names and places | keys | count, numbers | …

    path     of a state_dict of float32 and int64 tensors
    returns  name → array, not to be written to
    Raises   OSError; ValueError where the file is anything else; nothing in it is executed
    Cost     one read; memory in proportion to the file
    Exact    to the bit
    Source   torch.serialization, _legacy_load
    """
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path}: expected at most {MOST_BYTES} bytes of tensors, found more")
    file = io.BytesIO(path.read_bytes())
    for expected in (MAGIC, PROTOCOL):
        if read_pickle(file, path, {}) != expected:
            raise ValueError(f"{path}: expected torch's old format, found another")
    machine = read_pickle(file, path, {})
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise ValueError(f"{path}: expected tensors of a little-endian machine, found others")
    tensors = read_pickle(file, path, KNOWN, Storage)
    if not isinstance(tensors, dict) or not all(type(t) is Tensor for t in tensors.values()):
        raise ValueError(f"{path}: expected tensors by name, found others")
    storages = read_storages(file, {t.storage.key: t.storage for t in tensors.values()}, path)
    try:
        return {str(name): t.of(storages[t.storage.key]) for name, t in tensors.items()}
    except ValueError as error:
        raise ValueError(f"{path}: expected tensors inside of storages, found: {error}") from error


def read_storages(file: io.BytesIO, expected: dict[str, Storage], path: Path) -> dict[str, Array]:
    """The numbers of all storages, which stand in the file in the order of a list of keys."""
    keys = read_pickle(file, path, {})
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError(f"{path}: expected the keys of the storages, found others")
    if sorted(keys) != sorted(expected):
        raise ValueError(f"{path}: expected the {len(expected)} keys of tensors, found others")
    return {key: read_storage(file, expected[key], path) for key in keys}


def read_storage(file: io.BytesIO, storage: Storage, path: Path) -> Array:
    """The next count (eight bytes) and so many numbers."""
    count = int.from_bytes(file.read(8), "little")
    data = file.read(storage.count * storage.dtype.itemsize)
    if count != storage.count or len(data) != count * storage.dtype.itemsize:
        raise ValueError(f"{path}: expected {storage.count} numbers in a storage, found others")
    return np.frombuffer(data, storage.dtype)


def is_count(n: Any) -> bool:
    return type(n) is int and 0 <= n < 2**48
