"""Results are written whole, and read without trust."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repro.record import read_json, surroundings, write_json


def test_numbers_come_back(tmp_path):
    content = {"a": np.float64(0.1), "b": np.arange(3), "c": np.bool_(True), "d": None}
    path = write_json(tmp_path / "r.json", content)
    assert read_json(path) == {"a": 0.1, "b": [0, 1, 2], "c": True, "d": None}


def test_nan_and_strange_things_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "r.json", {"a": float("nan")})
    with pytest.raises(TypeError, match="found object"):
        write_json(tmp_path / "r.json", {"a": object()})
    assert not list(tmp_path.iterdir())


@given(content=st.binary(max_size=200))
def test_any_other_file_is_refused_in_one_way(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("r") / "r.json"
    path.write_bytes(content)
    try:
        assert isinstance(read_json(path), dict)
    except ValueError as error:
        assert "expected a result in JSON" in str(error)  # noqa: PT017


def test_surroundings_name_the_versions():
    assert surroundings()["numpy"] == np.__version__
