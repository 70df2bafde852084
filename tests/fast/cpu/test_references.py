"""Compiled code allocates nothing, so it needs to count no references."""

import numpy as np
import pytest
import scipy.sparse
from numba.core.runtime import _nrt_python, rtsys

import hgref
from hgref.fast import cpu
from hgref.objectives import L2, MLP, Softmax


def problem_of(kind):
    rng = np.random.default_rng(0)
    n = {"dense": 4000, "sparse": 60_000}.get(kind, 30)  # enough for two threads
    X, y = rng.standard_normal((n, 50)), rng.integers(0, 3, n)
    if kind == "sparse":
        X = scipy.sparse.csr_matrix(X * (X > 1))
    if kind == "network":
        J = MLP(X, y, (4,), classes=3)
        return hgref.Problem(hgref.Momentum(J + L2()), J, 5, w0=J.start(0))
    J = Softmax(X, y, 3, example_weights=kind == "small")
    return hgref.Problem(hgref.Momentum(J + L2()), Softmax(X, y, 3), 5)


@pytest.fixture
def counted():
    """Whether Numba counts what it holds; switched off again afterwards."""
    _nrt_python.memsys_enable_stats()
    yield
    _nrt_python.memsys_disable_stats()


@pytest.mark.parametrize("mode", [cpu.reverse, cpu.forward])
@pytest.mark.parametrize("kind", ["small", "dense", "sparse", "network"])
def test_a_run_allocates_nothing(kind, mode, counted):
    problem = problem_of(kind)
    values = {"eta": 0.1, "mu": 0.5, "l2": 0.01, "weights": np.ones(30)}
    lam = problem.pack(**{name: values[name] for name in problem.layout.shapes})
    mode(problem, lam)
    made = rtsys.get_allocation_stats().mi_alloc
    mode(problem, lam)
    assert rtsys.get_allocation_stats().mi_alloc == made
