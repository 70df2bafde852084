"""Speech made on the spot: two phones of three states each, that a small network can tell apart."""

import numpy as np
import pytest

from paper_repro.data.speech.part import Part
from paper_repro.data.speech.phones import Phones
from paper_repro.phones.compute import Losses
from paper_repro.phones.setting import Setting
from paper_repro.phones.two_heads import testing, training, validation

FRAMES = {"train": 240, "valid": 120, "test": 90}


@pytest.fixture(scope="session")
def phones():
    rng = np.random.default_rng(0)
    n = sum(FRAMES.values())
    y = np.arange(n) % 6
    features = rng.normal(0, 1, (6, 8))[y] + rng.normal(0, 1, (n, 8))
    code = rng.normal(0, 1, (6, 2)).astype(np.float32)
    starts = np.cumsum([0, *FRAMES.values()])
    parts = {
        name: Part(features.astype(np.float32), np.arange(a, b), np.full(b - a, a),
                   np.full(b - a, b - 1), y[a:b], y[a:b], code, 0)
        for name, a, b in zip(FRAMES, starts, starts[1:], strict=False)
    }  # fmt: skip
    return Phones("made-up speech", **parts, phones=["a", "b"])


@pytest.fixture(scope="session")
def setting():
    return Setting(minutes=None, context=0, q=2, hidden=(6,), T=60, every=5, valid=50, batch=20,
                   patience=3)  # fmt: skip


@pytest.fixture(scope="session")
def losses(phones, setting):
    parts = (part(phones, setting) for part in (training, validation, testing))
    return Losses(*parts, setting)


@pytest.fixture(scope="session")
def start(losses, setting):
    return losses.J.start(setting.seed)
