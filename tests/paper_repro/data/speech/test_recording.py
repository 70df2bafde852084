import struct
import sys
import tracemalloc
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from timit_by_hand import riff, sphere

from paper_repro.data.speech.recording import read_recording, write_riff

SAMPLE = np.arange(-50, 50, dtype=np.int16) * 300
samples = hnp.arrays(np.int16, st.integers(0, 400))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recordings")


@given(samples)
def test_riff_that_was_written_is_read(folder, x):
    write_riff(folder / "a.wav", x)
    found = read_recording(folder / "a.wav")
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, x)


@given(samples.filter(len))
def test_sphere_that_was_written_is_read(folder, x):
    pytest.importorskip("soundfile", reason="NIST SPHERE is read by soundfile")
    sphere(folder / "b.wav", x)
    found = read_recording(folder / "b.wav")
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, x)


def test_the_first_bytes_and_not_the_name_tell_the_format(folder):
    riff(folder / "c.sph", SAMPLE)
    np.testing.assert_array_equal(read_recording(str(folder / "c.sph")), SAMPLE)


def test_without_soundfile_sphere_tells_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    sphere(folder / "d.wav", SAMPLE)
    with pytest.raises(ModuleNotFoundError, match=r'd\.wav .* pip install -e "\.\[speech\]"'):
        read_recording(folder / "d.wav")


@pytest.mark.parametrize(
    ("channels", "width", "rate", "found"),
    [(2, 2, 16000, "2, 16000, 16"), (1, 1, 16000, "1, 16000, 8"), (1, 2, 8000, "1, 8000, 16")],
)
def test_other_kinds_of_sound_are_refused(folder, channels, width, rate, found):
    with wave.open(str(folder / "e.wav"), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(bytes(8))
    with pytest.raises(ValueError, match=f"e.wav: expected 1 channel, .* found {found}"):
        read_recording(folder / "e.wav")


def riff_bytes(folder):
    riff(folder / "f.wav", SAMPLE)
    return (folder / "f.wav").read_bytes()


@pytest.mark.parametrize("kept", [0, 3, 4, 11, 12, 30, 43, 44, 100, -1])
def test_a_cut_file_is_refused(folder, kept):
    (folder / "g.wav").write_bytes(riff_bytes(folder)[:kept])
    with pytest.raises(ValueError, match="g.wav: expected"):
        read_recording(folder / "g.wav")


def test_a_chunk_longer_than_the_file_is_refused(folder):
    data = bytearray(riff_bytes(folder)[:36])
    data[16:20] = struct.pack("<I", 272)
    (folder / "k.wav").write_bytes(data)
    with pytest.raises(ValueError, match="a whole RIFF file of PCM, found: "):
        read_recording(folder / "k.wav")


def test_a_false_length_reserves_no_memory(folder):
    data = bytearray(riff_bytes(folder))
    data[4:8] = data[40:44] = struct.pack("<I", 2**31)
    (folder / "h.wav").write_bytes(data)
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"expected {2**30} samples, found 100"):
        read_recording(folder / "h.wav")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_huge_file_is_refused_unread(folder):
    with open(folder / "huge.wav", "wb") as file:
        file.write(b"RIFF")
        file.truncate(2**26 + 1)
    with pytest.raises(ValueError, match="at most 67108864 bytes, found 67108865"):
        read_recording(folder / "huge.wav")


@pytest.mark.parametrize("beginning", [b"", b"NIST_2B", b"OggS", b"riff"])
def test_a_file_that_begins_otherwise_is_refused(folder, beginning):
    (folder / "other.wav").write_bytes(beginning)
    with pytest.raises(ValueError, match=r"expected a file of RIFF, NIST SPHERE, FLAC, found one"):
        read_recording(folder / "other.wav")


def test_a_missing_file_is_named(folder):
    with pytest.raises(FileNotFoundError, match="missing"):
        read_recording(folder / "missing.wav")


@given(st.data())
def test_nothing_but_a_value_error_comes_out_of_riff(folder, data):
    fuzz(folder / "i.wav", riff_bytes(folder), data)


@given(st.data())
def test_nothing_but_a_value_error_comes_out_of_sphere(folder, data):
    pytest.importorskip("soundfile", reason="NIST SPHERE is read by soundfile")
    sphere(folder / "j.wav", SAMPLE)
    fuzz(folder / "j.wav", (folder / "j.wav").read_bytes(), data)


def fuzz(path, whole, data):
    """Overwrite some bytes, cut some off, and read."""
    damaged = bytearray(whole)
    places = st.tuples(st.integers(0, min(len(whole), 300) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, max_size=6)):
        damaged[place] = value
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        found = read_recording(path)
    except ValueError:
        return
    assert found.dtype == np.int16
    assert found.ndim == 1
    assert 2 * len(found) <= len(whole)
