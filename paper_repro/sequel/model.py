"""The data of the three experiments, and their losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.objectives import Softmax
from paper_repro.benchmark.problems import labelled
from paper_repro.sequel.setting import Setting


def training(setting: Setting, **options: Any) -> Softmax:
    X, y = labelled(setting, setting.examples, setting.features, setting.classes, 0)
    rng = np.random.default_rng((setting.seed, 2))
    random = rng.integers(0, setting.classes, len(y))
    y = np.where(rng.random(len(y)) < setting.wrong, random, y)
    return Softmax(X, y, setting.classes, **options)


def validation(setting: Setting) -> Softmax:
    data = labelled(setting, setting.validation, setting.features, setting.classes, 1)
    return Softmax(*data, setting.classes)
