"""The profiles of hypothesis, and the CUDA layer on Numba's simulator or on a GPU.

Profiles: how many examples, and which seed.

ci        the same examples every time
dev       new examples every time
thorough  many, for a night or after a change to a law

Kernels run with NUMBA_ENABLE_CUDASIM=1, or on a GPU (-m gpu).
"""

import os

import pytest
from hypothesis import HealthCheck, settings
from numba.core import config

usual = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("ci", max_examples=24, derandomize=True, **usual)
settings.register_profile("dev", max_examples=24, **usual)
settings.register_profile("thorough", max_examples=1000, **usual)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


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
