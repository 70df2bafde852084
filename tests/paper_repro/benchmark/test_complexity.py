"""The exponents: of known powers, and of memory, which is counted and not timed."""

import numba
import numpy as np
import pytest

from paper_repro.benchmark import complexity
from paper_repro.benchmark.complexity import FEW, megabytes, penalties, runs, slope


@pytest.mark.parametrize("power", [0, 0.5, 1, 2])
def test_slope_of_a_power_is_its_exponent(power):
    x = [1, 2, 4, 8, 16]
    assert slope(x, [3 * t**power for t in x]) == pytest.approx(power)
    assert slope(x, [99, 99, *(3 * t**power for t in x[2:])]) == pytest.approx(power)


@pytest.fixture(autouse=True)
def one_thread():
    """Each thread has sums of its own: memory would jump where a second one joins in."""
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(threads)


def curve(setting, points):
    return megabytes({x: runs(penalties(setting, FEW, *point)) for x, point in points.items()},
                     lambda: None)  # fmt: skip


def test_memory_grows_with_the_weights_in_every_mode(setting):
    found = curve(setting, {p: (p // 4 - 1, 4, 30, 2) for p in (16_000, 32_000, 64_000)})
    for name in ("forward", "reverse", "checkpointed"):
        assert slope(found["x"], found[name]) == pytest.approx(1, abs=0.1)
    assert found["forward"][-1] < found["checkpointed"][-1] < found["reverse"][-1]


def test_memory_against_steps_is_flat_linear_and_a_root(setting):
    found = curve(setting, {T: (1999, 4, T, 2) for T in (32, 64, 128, 256)})
    predicted = complexity.PREDICTED["megabytes against T"]
    for name, exponent in predicted.items():
        assert slope(found["x"], found[name]) == pytest.approx(exponent, abs=0.15)


def test_each_penalty_has_its_share_of_the_weights(setting):
    case = penalties(setting, 30, 7, 3, 4, 5)
    assert case.columns.size == 5
    counts = np.bincount(list(case.problem.dynamics.J.terms())[1].groups)
    assert counts.max() - counts.min() <= 1
