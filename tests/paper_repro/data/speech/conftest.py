import pytest
from timit_by_hand import write_timit


@pytest.fixture
def timit(tmp_path):
    """The root of the data, with a folder TIMIT in it."""
    write_timit(tmp_path / "TIMIT")
    return tmp_path
