"""Reads what torch.save wrote before torch 1.6, without torch: arrays by name."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from hgref.arguments import Array
from paper_repro.data.plain_pickle import read_pickle

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
MOST_BYTES = 2**26


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

    def require(holds: bool, expected: str) -> None:
        if not holds:
            raise ValueError(f"{path}: expected {expected}, found others")

    header = [read_pickle(file, path, {}) for _ in range(2)]
    require(header == [MAGIC, PROTOCOL], "magic and version of torch's old format")
    machine = read_pickle(file, path, {})
    little = isinstance(machine, dict) and machine.get("little_endian") is True
    require(little, "tensors of a little-endian machine")
    tensors = read_pickle(file, path, KNOWN, Storage)
    by_name = isinstance(tensors, dict) and all(type(t) is Tensor for t in tensors.values())
    require(by_name, "tensors by name")
    storages = {t.storage.key: t.storage for t in tensors.values()}
    keys = read_pickle(file, path, {})
    texts = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    require(texts and sorted(keys) == sorted(storages), f"the {len(storages)} keys of tensors")
    numbers = {key: read_storage(file, storages[key], path) for key in keys}
    try:
        return {str(name): t.of(numbers[t.storage.key]) for name, t in tensors.items()}
    except ValueError as error:
        raise ValueError(f"{path}: expected tensors inside of storages, found: {error}") from error


def read_storage(file: io.BytesIO, storage: Storage, path: Path) -> Array:
    """The next count (eight bytes) and so many numbers."""
    count = int.from_bytes(file.read(8), "little")
    data = file.read(storage.count * storage.dtype.itemsize)
    if count != storage.count or len(data) != count * storage.dtype.itemsize:
        raise ValueError(f"{path}: expected {storage.count} numbers in a storage, found others")
    return np.frombuffer(data, storage.dtype)


# --- stand-ins for what torch's pickles name ---


class Storage:
    """Numbers that follow after the pickles: `count` of one dtype, under a key."""

    def __init__(self, identity: Any):
        match identity:
            case ("storage", "<f4" | "<i8" as kind, str(key), _, count, None) if are_counts(count):
                self.dtype, self.key, self.count = np.dtype(kind), key, count
            case _:
                raise ValueError("a storage that is not float32 or int64 numbers under a key")


class Tensor:
    """A place in a storage; offset and strides in numbers."""

    def __init__(
        self, storage: Any, offset: Any, shape: Any, strides: Any, wants_grad: Any, hooks: Any
    ):
        match storage, shape, strides:
            case Storage(), tuple(), tuple() if are_counts(offset, *shape, *strides):
                self.storage, self.offset = storage, offset
                self.shape, self.strides = shape, strides
            case _:
                raise ValueError("a tensor without storage, or a place that is not told in counts")
        if len(shape) > 4 or math.prod(shape) > storage.count:
            raise ValueError(f"a tensor of shape {shape} in a storage of {storage.count} numbers")

    def of(self, numbers: Array) -> Array:
        """A view of the storage's numbers; NumPy checks that the place is in the storage."""
        size = numbers.itemsize
        strides = [size * n for n in self.strides]
        return np.ndarray(self.shape, numbers.dtype, numbers, size * self.offset, strides)


class StateDict(dict[Any, Any]):
    """Stands for OrderedDict; its state, the layers' versions, is not needed here."""

    def __init__(self) -> None:  # without items, whose keys nobody would check
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        pass


def are_counts(*numbers: Any) -> bool:
    return all(type(n) is int and 0 <= n < 2**48 for n in numbers)


KNOWN = {
    "collections OrderedDict": StateDict,
    "torch._utils _rebuild_tensor_v2": Tensor,
    "torch FloatStorage": "<f4",
    "torch LongStorage": "<i8",
}
