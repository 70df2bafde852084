"""Labelled pictures, grey or in colour, of any number of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hgref.arguments import Array, as_count, require_shape
from paper_repro.data.images import Images, require_dtype, require_integers

DIGITS = tuple("0123456789")
FASHION = (
    "T-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pictures:
    """Square pictures with one label each.

    name     describes the source of the data
    pixels   (n, side, side, channels) uint8; one channel is grey, three are red, green, blue
    y        (n,) int64, labels 0 … K - 1
    classes  K names
    Raises   ValueError if they are not consistent
    """

    name: str
    pixels: Array
    y: Array
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        side = self.pixels.shape[1] if self.pixels.ndim > 1 else "side"
        what = f"{self.name}: pictures"
        require_shape(what, self.pixels.shape, ("n", side, side, "channels"))
        if self.pixels.shape[3] not in (1, 3):
            raise ValueError(f"{what}: expected 1 or 3 channels, found {self.pixels.shape[3]}")
        if side == 0:
            raise ValueError(f"{what}: expected pictures with pixels, found {self.pixels.shape}")
        require_dtype(what, self.pixels, np.uint8)
        require_shape(f"{self.name}: labels", self.y.shape, (len(self.pixels),))
        require_dtype(f"{self.name}: labels", self.y, np.int64)
        require_integers(f"{self.name}: labels", self.y, len(self.classes) - 1)

    def chosen(self, index: Array) -> Pictures:
        """The pictures with these indices."""
        return Pictures(self.name, self.pixels[index], self.y[index], self.classes)


def grey_pictures(images: Images, classes: tuple[str, ...]) -> Pictures:
    """Images as pictures with one channel and named classes."""
    pixels = images.X.reshape(-1, images.side, images.side, 1)
    return Pictures(images.name, pixels, images.y, classes)


def balanced_choice(y: Array, classes: tuple[str, ...], per_class: int | None, seed: int) -> Array:
    """Choose `per_class` random examples of each class; None: all examples, in random order.

    y        (n,) labels 0 … K - 1
    classes  K names
    returns  (K · per_class,) indices, class after class
    Raises   ValueError if a class has too few examples; TypeError if the count is not an integer
    """
    rng = np.random.default_rng(as_count("seed", seed, 0))
    least = 1 if per_class is None else as_count("per_class", per_class, 1)
    chosen = []
    for k, name in enumerate(classes):
        index = rng.permutation(np.flatnonzero(y == k))
        if len(index) < least:
            raise ValueError(
                f"per_class: expected at most as many as class {name!r} has, {len(index)}, "
                f"found {least}"
            )
        chosen.append(index[:per_class])
    return np.concatenate(chosen)
