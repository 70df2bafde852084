"""Kernels run on Numba's simulator (NUMBA_ENABLE_CUDASIM=1) or on a GPU (-m gpu)."""

import pytest
from numba.core import config


@pytest.fixture
def cuda(request):
    """hgref.fast.cuda, or the test is left out; where a GPU was asked for, it fails."""
    try:
        from hgref.fast import cuda
    except ImportError as error:
        if request.config.getoption("-m") == "gpu":
            pytest.fail(str(error))
        pytest.skip(str(error))
    return cuda


@pytest.fixture
def simulated(cuda):
    """hgref.fast.cuda on the simulator."""
    if not getattr(config, "ENABLE_CUDASIM", False):
        pytest.skip("wants NUMBA_ENABLE_CUDASIM=1")
    return cuda
