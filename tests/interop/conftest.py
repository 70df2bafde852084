"""A fixture for both frameworks; skips the tests of one that is not installed."""

import pytest
from frameworks import FRAMEWORKS


@pytest.fixture(scope="session", params=FRAMEWORKS)
def framework(request):
    return FRAMEWORKS[request.param]()
