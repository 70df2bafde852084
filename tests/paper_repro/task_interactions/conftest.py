"""Tasks made on the spot: four classes in two pairs of like ones, more features than examples."""

import numpy as np
import pytest
from silent_bar import Bar

from paper_repro.data.tasks import Tasks
from paper_repro.task_interactions.compute import compute
from paper_repro.task_interactions.setting import SMALL


@pytest.fixture(scope="session")
def new_bar():
    return Bar


@pytest.fixture(scope="session")
def tasks():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 4
    pair, own = rng.normal(size=(2, 25)), rng.normal(size=(4, 25))
    X = (2 * pair[y // 2] + own[y] + 6 * rng.normal(size=(80, 25))).astype(np.float32)
    pictures = rng.integers(0, 256, (4, 2, 5, 5, 1), dtype=np.uint8)
    return Tasks("made-up tasks", X, y, ("apple", "pear", "tram", "bus"), pictures)


@pytest.fixture(scope="session")
def setting():
    return SMALL.changed(train=3, valid=3, test=12, T=30, hyper_iterations=12, R=0.01)


@pytest.fixture(scope="session")
def results(tasks, setting, tmp_path_factory):
    bar = Bar()
    paths = compute(tasks, setting, tmp_path_factory.mktemp("figures"), bar)
    assert bar.ticks == 4 * setting.seeds
    return paths
