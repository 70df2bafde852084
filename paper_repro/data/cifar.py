"""Read CIFAR-10 and CIFAR-100 from a user's folder, in the Python or the binary version."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hgref.arguments import Array, require_shape
from paper_repro.data.images import require_integers
from paper_repro.data.pickled_array import ARRAY_NAMES, PickledArray
from paper_repro.data.pictures import Pictures
from paper_repro.data.plain_pickle import read_pickle

SIDE = 32
PIXELS = 3 * SIDE**2  # numbers of a picture: the red plane, then green, then blue
MOST_BYTES = 2**28  # of a file; the largest, CIFAR-100's training set, has 155 million


@dataclass(frozen=True)
class Cifar:
    """One of the two data sets, and the names of its files in both versions.

    parts         the files of pictures, training before test; the binary ones end in .bin
    pickled_names the file of the class names, and their key in it
    text_names    the same file in the binary version, with one name per line
    label_key     the key of the labels in the Python version
    label_bytes   bytes before each picture in the binary version; the last of them is the label
    """

    name: str
    classes: int
    parts: tuple[str, ...]
    pickled_folder: str
    pickled_names: tuple[str, str]
    label_key: str
    binary_folder: str
    text_names: str
    label_bytes: int


CIFAR_10 = Cifar(
    name="CIFAR-10",
    classes=10,
    parts=(*(f"data_batch_{j}" for j in range(1, 6)), "test_batch"),
    pickled_folder="cifar-10-batches-py",
    pickled_names=("batches.meta", "label_names"),
    label_key="labels",
    binary_folder="cifar-10-batches-bin",
    text_names="batches.meta.txt",
    label_bytes=1,
)

CIFAR_100 = Cifar(
    name="CIFAR-100",
    classes=100,
    parts=("train", "test"),
    pickled_folder="cifar-100-python",
    pickled_names=("meta", "fine_label_names"),
    label_key="fine_labels",
    binary_folder="cifar-100-binary",
    text_names="fine_label_names.txt",
    label_bytes=2,
)


def read_cifar(which: Cifar, root: Path) -> Pictures | None:
    """All pictures of the data set, training before test; None if no folder has its files.

    which    CIFAR_10 or CIFAR_100
    root     the folder of the data; cifar_folders lists the folders that are searched
    Raises   ValueError for damaged files; the pickles cannot execute code
    Cost     a second for CIFAR-10; memory twice the pictures' 180 MB
    Source   Krizhevsky 2009, Learning multiple layers of features from tiny images
    """
    readers: tuple[tuple[str, Callable[[Cifar, Path], Pictures]], ...] = (
        (which.pickled_folder, pickled),
        (which.binary_folder, binary),
    )
    for name, read in readers:
        for folder in places(which, root, name):
            if all(path.is_file() for path in cifar_files(which, folder)):
                return read(which, folder)
    return None


def cifar_folders(which: Cifar, root: Path) -> list[Path]:
    """The folders to search for the data set, in this order."""
    names = (which.pickled_folder, which.binary_folder)
    return [folder for name in names for folder in places(which, root, name)]


def places(which: Cifar, root: Path, name: str) -> list[Path]:
    return [root / name, root / which.name.lower() / name]


def cifar_files(which: Cifar, folder: Path) -> list[Path]:
    """The files that a folder with this name must have."""
    if folder.name == which.pickled_folder:
        return [folder / name for name in (*which.parts, which.pickled_names[0])]
    return [folder / name for name in (*(f"{part}.bin" for part in which.parts), which.text_names)]


# --- the Python version ---


def pickled(which: Cifar, folder: Path) -> Pictures:
    """The pictures in a folder of pickles, each of which holds a mapping."""
    path, key = folder / which.pickled_names[0], which.pickled_names[1]
    names = value_at(read_mapping(path), key, list, path)
    parts = (pickled_part(which, folder / part) for part in which.parts)
    return joined(which, [text(name, path) for name in names], parts, path)


def pickled_part(which: Cifar, path: Path) -> tuple[Array, Array]:
    """Pixels (n, 3072) and labels (n,) of one file."""
    content = read_mapping(path)
    X = value_at(content, "data", PickledArray, path).array
    labels = value_at(content, which.label_key, list, path)
    if not all(type(label) is int for label in labels):
        raise ValueError(f"{path}: expected labels that are integers, found others")
    require_shape(f"{path}: data", X.shape, ("n", PIXELS))
    require_shape(f"{path}: {which.label_key}", (len(labels),), (len(X),))
    if not all(0 <= label < which.classes for label in labels):
        raise ValueError(f"{path}: expected labels from 0 to {which.classes - 1}, found others")
    return X, np.array(labels, np.int64)


def read_mapping(path: Path) -> dict[Any, Any]:
    content = read_pickle(io.BytesIO(read_bytes(path)), path, ARRAY_NAMES)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a mapping, found {type(content).__name__}")
    return content


def value_at(content: dict[Any, Any], key: str, kind: type, path: Path) -> Any:
    """The value of a key, which is a string, or bytes if Python 3 has rewritten the file."""
    value = content.get(key, content.get(key.encode()))
    if not isinstance(value, kind):
        found = type(value).__name__
        raise ValueError(f"{path}: {key}: expected a {kind.__name__}, found {found}")
    return value


def text(name: Any, path: Path) -> str:
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    if not isinstance(name, str):
        raise ValueError(f"{path}: expected names of classes, found {type(name).__name__}")
    return name


# --- the binary version ---


def binary(which: Cifar, folder: Path) -> Pictures:
    """The pictures in a folder of .bin files, which hold labels and pixels picture by picture."""
    path = folder / which.text_names
    lines = read_bytes(path).decode("latin-1").splitlines()
    parts = (binary_part(which, folder / f"{part}.bin") for part in which.parts)
    return joined(which, [line.strip() for line in lines if line.strip()], parts, path)


def binary_part(which: Cifar, path: Path) -> tuple[Array, Array]:
    """Pixels (n, 3072) and labels (n,) of one file."""
    data = read_bytes(path)
    length = which.label_bytes + PIXELS
    if not data or len(data) % length:
        raise ValueError(f"{path}: expected a multiple of {length} bytes, found {len(data)}")
    rows = np.frombuffer(data, np.uint8).reshape(-1, length)
    y = rows[:, which.label_bytes - 1].astype(np.int64)
    require_integers(f"{path}: labels", y, which.classes - 1)
    return rows[:, which.label_bytes :], y


# --- both ---


def read_bytes(path: Path) -> bytes:
    """The bytes of a file; ValueError if it is too large to be one of CIFAR's."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{path}: expected at most {MOST_BYTES} bytes, found {size}")
    return path.read_bytes()


def joined(
    which: Cifar, names: list[str], parts: Iterator[tuple[Array, Array]], path: Path
) -> Pictures:
    """Join the parts, and move the colour planes to the last axis."""
    if len(names) != which.classes:
        raise ValueError(f"{path}: expected {which.classes} names of classes, found {len(names)}")
    X, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    pixels = np.ascontiguousarray(X.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
    return Pictures(which.name, pixels, y, tuple(names))
