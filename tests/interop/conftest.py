"""The frameworks, one after the other; tests of one that is not installed are skipped."""

import pytest
from frameworks import FRAMEWORKS


@pytest.fixture(scope="session", params=FRAMEWORKS)
def framework(request):
    return FRAMEWORKS[request.param]()
