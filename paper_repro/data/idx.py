"""Reading IDX files, the format of MNIST: a shape and then its numbers, big-endian."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from hgref.arguments import Array

GZIP_MAGIC = b"\x1f\x8b"
KINDS = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_AXES = 32  # as many as every version of NumPy has
CHUNK = 2**20  # bytes


def read_idx(path: str | Path) -> Array:
    """The array in an IDX file, packed with gzip or not.

        0 0 kind k | n_1 … n_k | numbers        k ≥ 1 and n_i ≥ 1, four bytes each

    path     the file; its first bytes, not its name, tell whether it is packed
    returns  array (n_1, …, n_k) of uint8, int8, int16, int32, float32 or float64, native order
    Raises   FileNotFoundError; ValueError where the file is anything but one whole IDX file
    Cost     one read; memory follows the bytes that are there, never only those announced
    Exact    to the bit
    Beware   floats may be NaN or infinite; a packed file that honestly announces a thousand times
             its own size is read
    Source   LeCun, Cortes and Burges, The MNIST database, section on the file format
    """
    path = Path(path)
    with unpacked(path) as file:
        dtype, axes = read_magic(file, path)
        shape = read_axes(file, path, axes)
        size = math.prod(shape) * dtype.itemsize
        data = read_up_to(file, size + 1)  # one more, to see that the file ends
    if len(data) != size:
        found = str(len(data)) if len(data) < size else "more"
        raise ValueError(f"{path}: expected {size} bytes for shape {shape}, found {found}")
    return np.frombuffer(data, dtype).astype(dtype.newbyteorder("=")).reshape(shape)


@contextmanager
def unpacked(path: Path) -> Iterator[BufferedIOBase]:
    """The open file at `path`, through gzip where it begins like a gzip file.

    Raises   FileNotFoundError; ValueError where the reader meets damage in the packing
    """
    with open(path, "rb") as file:
        packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file.seek(0)
        if not packed:
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as inside:
                yield inside
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path}: expected a whole gzip file, found: {error}") from error


def read_up_to(file: BufferedIOBase, size: int) -> bytearray:
    """The next `size` bytes, or fewer where the file ends.

    Beware   file.read(size) would reserve `size` bytes first, which a false header makes huge
    """
    data = bytearray()
    while len(data) < size:
        chunk = file.read(min(CHUNK, size - len(data)))
        if not chunk:
            break
        data += chunk
    return data


def read_magic(file: BufferedIOBase, path: Path) -> tuple[np.dtype, int]:
    """The kind of the numbers and the number of axes, from the first four bytes."""
    magic = bytes(read_up_to(file, 4))
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise ValueError(f"{path}: expected an IDX file (two zero bytes first), found {magic!r}")
    kind, axes = magic[2], magic[3]
    if kind not in KINDS:
        known = ", ".join(f"0x{k:02X}" for k in KINDS)
        raise ValueError(f"{path}: expected a kind of number among {known}, found 0x{kind:02X}")
    if not 1 <= axes <= MOST_AXES:
        raise ValueError(f"{path}: expected 1 to {MOST_AXES} axes, found {axes}")
    return np.dtype(KINDS[kind]), axes


def read_axes(file: BufferedIOBase, path: Path, axes: int) -> tuple[int, ...]:
    """The lengths of the axes, all of them at least one."""
    data = read_up_to(file, 4 * axes)
    if len(data) < 4 * axes:
        raise ValueError(f"{path}: expected {4 * axes} bytes of axis lengths, found {len(data)}")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4"))
    if min(shape) < 1:
        raise ValueError(f"{path}: expected axes of length 1 or more, found shape {shape}")
    return shape
