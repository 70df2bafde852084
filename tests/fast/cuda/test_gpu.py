"""On a real GPU: python -m pytest -m gpu. Larger random problems, all dynamics, both precisions."""

import numpy as np
import pytest
from cuda_problems import DYNAMICS, OBJECTIVES, build

import hgref

# a small GPU's grid is small: Numba warns that it may be idle in part
pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("ignore:Grid size")]
SIZES = {"n": 300, "N": 70, "T": 40}


def off(found, true):
    return np.linalg.norm(found - true) / max(np.linalg.norm(true), 1e-3)


@pytest.mark.parametrize("dynamics", DYNAMICS)
@pytest.mark.parametrize("kind", OBJECTIVES)
def test_forward_reverse_and_readable_agree(cuda, dynamics, kind):
    problem, lam = build(dynamics, kind, **SIZES)
    true = hgref.reverse(problem, lam).grad
    back = cuda.reverse(problem, lam)
    assert off(back.grad, true) < 1e-10
    wrt = [name for name in problem.layout.shapes if name != "weights"]
    ahead = cuda.forward(problem, lam, wrt=wrt)
    for name in wrt:
        assert off(np.atleast_1d(ahead[name]), np.atleast_1d(back[name])) < 1e-10
    np.testing.assert_array_equal(cuda.checkpointed(problem, lam).grad, back.grad)


@pytest.mark.parametrize("dynamics", DYNAMICS)
@pytest.mark.parametrize("kind", ["weighted", "tanh"])
def test_single_precision(cuda, dynamics, kind):
    problem, lam = build(dynamics, kind, **SIZES)
    single = cuda.reverse(problem, lam, dtype=np.float32).grad
    assert off(single, hgref.reverse(problem, lam).grad) < 1e-3


def test_the_same_bits_every_time(cuda):
    problem, lam = build("adam", "weighted", n=2000, N=100, T=20)
    first = cuda.reverse(problem, lam).grad
    for _ in range(3):
        np.testing.assert_array_equal(cuda.reverse(problem, lam).grad, first)


def test_realtime(cuda):
    problem, lam = build("momentum", "plain", **SIZES)
    fast, readable = (f(problem, lam, every=10) for f in (cuda.realtime, hgref.realtime))
    np.testing.assert_allclose(fast.lam, readable.lam, rtol=1e-8)
