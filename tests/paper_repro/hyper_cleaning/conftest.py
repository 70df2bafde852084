"""Images made on the spot: ten blurred patterns with noise, which a softmax can tell apart."""

import numpy as np
import pytest

from paper_repro.data.images import Images
from paper_repro.hyper_cleaning.setting import Setting


@pytest.fixture(scope="session")
def images():
    rng = np.random.default_rng(0)
    y = np.arange(400) % 10
    patterns = rng.uniform(0, 255, (10, 36))
    X = np.clip(patterns[y] + rng.normal(0, 30, (400, 36)), 0, 255).astype(np.uint8)
    return Images("made-up patterns", X, y.astype(np.int64), 6)


@pytest.fixture(scope="session")
def setting():
    return Setting(train=120, valid=100, test=150, T=20, hyper_iterations=12, outer_rate=0.1,
                   final_steps=60, R=(40, 60))  # fmt: skip
