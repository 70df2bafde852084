"""A file is written whole or not at all."""

import os

import pytest

from hgref.files import write_whole


def test_it_writes_and_makes_the_folder(tmp_path):
    path = write_whole(tmp_path / "a" / "b.txt", lambda file: file.write(b"whole"))
    assert path.read_bytes() == b"whole"
    assert os.listdir(path.parent) == ["b.txt"]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_permissions_that_the_user_chose(tmp_path, mask):
    before = os.umask(mask)
    try:
        path = write_whole(tmp_path / "b.txt", lambda file: file.write(b"x"))
        assert path.stat().st_mode & 0o777 == 0o666 & ~mask
        path.chmod(0o640)
        write_whole(path, lambda file: file.write(b"y"))
        assert path.stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    link, real = tmp_path / "link.json", tmp_path / "there" / "real.json"
    link.symlink_to(real)
    for content in (b"first", b"second"):
        write_whole(link, lambda file, content=content: file.write(content))
        assert link.is_symlink()
        assert real.read_bytes() == content
    assert sorted(os.listdir(tmp_path)) == ["link.json", "there"]


def test_what_a_killed_process_left_is_removed_and_what_is_being_written_is_not(tmp_path):
    old, young, other = (tmp_path / n for n in (".a.json.abcdefgh", ".a.json.ijklmnop", ".b.json"))
    for path in (old, young, other):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    write_whole(tmp_path / "a.json", lambda file: file.write(b"x"))
    assert sorted(os.listdir(tmp_path)) == [young.name, other.name, "a.json"]


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
