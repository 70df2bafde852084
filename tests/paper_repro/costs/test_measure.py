"""The exponents: of known powers, and of the fast layer's memory, which is counted, not timed."""

import numba
import numpy as np
import pytest

from hgref.fast import cpu
from paper_repro.costs.fits import slope
from paper_repro.costs.measure import FEW, megabytes, penalties
from paper_repro.costs.setting import SMALL


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


def runs(case):
    """The fast layer's three algorithms."""
    problem, lam = case.problem, case.lam
    return {
        "forward": lambda: cpu.forward(problem, lam, case.wrt),
        "reverse": lambda: cpu.reverse(problem, lam, recompute=True),
        "checkpointed": lambda: cpu.checkpointed(problem, lam, recompute=True),
    }


def curve(points):
    return megabytes({x: runs(penalties(SMALL, FEW, *point)) for x, point in points.items()},
                     lambda: None)  # fmt: skip


def test_memory_grows_with_the_weights_in_every_mode():
    found = curve({p: (p // 4 - 1, 4, 30, 2) for p in (16_000, 32_000, 64_000)})
    for name in ("forward", "reverse", "checkpointed"):
        assert slope(found["x"], found[name]) == pytest.approx(1, abs=0.1)
    assert found["forward"][-1] < found["checkpointed"][-1] < found["reverse"][-1]


def test_memory_against_steps_is_flat_linear_and_a_root():
    found = curve({T: (1999, 4, T, 2) for T in (32, 64, 128, 256)})
    for name, exponent in {"forward": 0, "reverse": 1, "checkpointed": 0.5}.items():
        assert slope(found["x"], found[name]) == pytest.approx(exponent, abs=0.15)


def test_each_penalty_has_its_share_of_the_weights():
    case = penalties(SMALL, 30, 7, 3, 4, 5)
    assert case.columns.size == 5
    counts = np.bincount(list(case.problem.dynamics.J.terms())[1].groups)
    assert counts.max() - counts.min() <= 1
