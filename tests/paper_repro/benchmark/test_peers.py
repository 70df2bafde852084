"""JAX and torch compute the hypergradients that the fast layer computes."""

import numpy as np
import pytest

from paper_repro.benchmark.contenders import prepared
from paper_repro.benchmark.problems import PROBLEMS
from paper_repro.benchmark.timing import ALIKE, difference

everywhere = pytest.mark.parametrize("name", PROBLEMS)


@pytest.fixture
def jax():
    """JAX, its precision afterwards as it was before."""
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    yield jax
    jax.config.update("jax_enable_x64", before)


def assert_alike(peer, problem, setting, dtype="float64"):
    case = PROBLEMS[problem].build(setting)
    found = prepared(peer, case, dtype)()
    assert found.dtype == np.float64
    true = prepared("readable", case, "float64")()
    assert difference(found, true, case.columns) < ALIKE[dtype]


@everywhere
@pytest.mark.parametrize("how", ["jax", "jax checkpointed"])
def test_jax(jax, name, how, setting):
    assert_alike(how, name, setting)


@everywhere
@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # by torch.func itself
def test_torch(name, setting):
    pytest.importorskip("torch")
    assert_alike("torch", name, setting)


@pytest.mark.parametrize("name", ["P1 dense", "P4"])
def test_single_precision(jax, name, setting):
    pytest.importorskip("torch")
    for peer in ("jax", "torch"):
        assert_alike(peer, name, setting, "float32")
