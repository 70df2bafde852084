"""The small preset, smaller where a test computes every problem."""

from dataclasses import replace

import pytest

from paper_repro.benchmark.setting import SMALL


@pytest.fixture(scope="session")
def setting():
    return replace(SMALL, few_T=12, rounds=2)
