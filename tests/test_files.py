"""A file is written whole or not at all."""

import os

import pytest

from hgref.files import write_whole


def test_it_writes_and_makes_the_folder(tmp_path):
    path = write_whole(tmp_path / "a" / "b.txt", lambda file: file.write(b"whole"))
    assert path.read_bytes() == b"whole"
    assert os.listdir(path.parent) == ["b.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt(), MemoryError()])
def test_what_stood_there_stands_when_writing_fails(tmp_path, error):
    path = tmp_path / "result.json"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise error

    with pytest.raises(type(error)):
        write_whole(path, fail)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["result.json"]


def test_a_folder_in_the_way_is_an_error(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_whole(tmp_path / "taken", lambda file: file.write(b"x"))
    assert os.listdir(tmp_path) == ["taken"]
