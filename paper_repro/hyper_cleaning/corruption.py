"""Split the images three ways, and make half of the training labels wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hgref.arguments import Array
from paper_repro.data.images import CLASSES, Images
from paper_repro.hyper_cleaning.setting import Setting


@dataclass(frozen=True, eq=False)
class Part:
    """X (n, N) pixels in [0, 1] and y (n,) labels 0 … 9."""

    X: Array
    y: Array


@dataclass(frozen=True, eq=False)
class Corrupted:
    """D_tr with its given labels, D_val, D_test, and the truth, which is only used to judge.

    wrong    (n,) True where the given label is wrong: D_f
    truth    (n,) the true labels of D_tr
    mean     (N,) mean image of D_tr, which the models subtract from the pixels (it lowers the
             largest eigenvalue of the Hessian from 39 to 5, so that fewer steps do); None: they
             take the pixels as they are, as in the paper
    """

    train: Part
    valid: Part
    test: Part
    wrong: Array
    truth: Array
    mean: Array | None


def corrupt(images: Images, setting: Setting) -> Corrupted:
    """Split the images at random; give half of D_tr a different, random label.

    Raises   ValueError if there are fewer images than the setting needs
    Source   Franceschi et al. 2017, section 5.1; "other" label: the authors' public code
    """
    if len(images.y) < setting.needed:
        raise ValueError(
            f"{images.name}: expected at least {setting.needed} images "
            f"({setting.train} training, {setting.valid} validation, {setting.test} test), "
            f"found {len(images.y)}"
        )
    rng = np.random.default_rng(setting.seed)
    order = rng.permutation(len(images.y))[: setting.needed]
    cuts = [setting.train, setting.train + setting.valid]
    train, valid, test = (Part(images.X[i] / 255, images.y[i]) for i in np.split(order, cuts))
    wrong = np.zeros(setting.train, dtype=bool)
    wrong[rng.permutation(setting.train)[: setting.train // 2]] = True
    shift = np.where(wrong, rng.integers(1, CLASSES, setting.train), 0)
    given = Part(train.X, (train.y + shift) % CLASSES)
    mean = train.X.mean(axis=0) if setting.centred else None
    return Corrupted(given, valid, test, wrong, train.y, mean)
