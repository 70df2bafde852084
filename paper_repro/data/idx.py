"""Read IDX files, the format of MNIST: a shape followed by big-endian numbers."""

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
MOST_AXES = 32  # supported by every version of NumPy
CHUNK = 2**20  # bytes


def read_idx(path: str | Path) -> Array:
    """Read the array in an IDX file, which may be compressed with gzip.

        0 0 kind k | n_1 … n_k | numbers        k ≥ 1 and n_i ≥ 1, four bytes each

    path     the file; its first bytes, not its name, decide whether it is compressed
    returns  array (n_1, …, n_k) of uint8, int8, int16, int32, float32 or float64, native order
    Raises   FileNotFoundError; ValueError if the file is not one complete IDX file
    Cost     one read; memory grows with the bytes actually read, not with those announced
    Exact    to the bit
    Beware   floats may be NaN or infinite; a compressed file may expand to a thousand times its
             size if its header says so
    Source   LeCun, Cortes and Burges, The MNIST database, section on the file format
    """
    path = Path(path)
    with unpacked(path) as file:
        dtype, axes = read_magic(file, path)
        shape = read_axes(file, path, axes)
        size = math.prod(shape) * dtype.itemsize
        data = read_up_to(file, size + 1)  # one more byte, to detect trailing data
    if len(data) != size:
        found = str(len(data)) if len(data) < size else "more"
        raise ValueError(f"{path}: expected {size} bytes for shape {shape}, found {found}")
    return np.frombuffer(data, dtype).astype(dtype.newbyteorder("=")).reshape(shape)


@contextmanager
def unpacked(path: Path) -> Iterator[BufferedIOBase]:
    """Open the file at `path`, and decompress it if it begins like a gzip file.

    Raises   FileNotFoundError; ValueError if the gzip data turn out to be damaged
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
    """Read the next `size` bytes, or fewer at the end of the file.

    Beware   file.read(size) would allocate `size` bytes first, which a false header makes huge
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
