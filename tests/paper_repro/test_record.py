"""Results are written whole, and read without trust."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from paper_repro.record import kept, processor, read_json, surroundings, write_json, write_sealed


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


RESULT = {"rows": [[0.1, None], [2.5, 3.0]], "name": "λ"}


@given(content=st.binary(max_size=200))
def test_a_damaged_part_of_a_result_is_computed_again_and_said(tmp_path_factory, content):
    path, said = tmp_path_factory.mktemp("r") / "part.json", []
    path.write_bytes(content)
    assert kept(path, said.append) is None
    (line,) = said
    assert "computed again" in line


@given(data=st.data())
def test_no_changed_part_of_a_result_is_used(tmp_path_factory, data):
    """A bit flipped, or the end cut off: the same result, or none."""
    path = tmp_path_factory.mktemp("r") / "part.json"
    assert write_sealed(path, RESULT) == RESULT
    whole = path.read_bytes()
    assert kept(path, print) == RESULT
    if data.draw(st.booleans()):
        at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
    else:
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 2))])
    assert kept(path, lambda line: None) in (None, RESULT)  # white space may change


def test_no_part_of_a_result(tmp_path):
    assert kept(tmp_path / "none.json", print) is None


def test_surroundings_name_the_versions_and_the_kernel_of_the_products():
    found = surroundings()
    assert found["numpy"] == np.__version__
    for one in threadpool_info():
        if one["user_api"] == "blas":
            assert (one.get("architecture") or one["internal_api"]) in found["BLAS"]


def test_the_processor_has_a_name(tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("processor : 0\nmodel name\t: Quick One\n")
    assert processor(file) == "Quick One"
    assert isinstance(processor(tmp_path / "none"), str)


def test_an_edited_number_is_not_used(tmp_path):
    path = tmp_path / "part.json"
    write_sealed(path, RESULT)
    path.write_bytes(path.read_bytes().replace(b"2.5", b"2.6"))
    said = []
    assert kept(path, said.append) is None
    assert "found a changed one; it is computed again" in said[0]
