"""LibriSpeech with its phones aligned: which recordings there are, and their frames."""

import numpy as np
import pytest
from librispeech_by_hand import ARPABET, write_librispeech
from timit_by_hand import write_timit

from paper_repro.data.speech.corpus import PARTS
from paper_repro.data.speech.librispeech import librispeech_folder, librispeech_recordings
from paper_repro.data.speech.phones import load_phones


def silent(path, x):
    path.write_bytes(b"fLaC")


def flac(path, x):
    import soundfile

    soundfile.write(path, x, 16000, subtype="PCM_16")


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """The root of the data, with recordings that can be read, and what is said in them."""
    pytest.importorskip("soundfile", reason="FLAC is read by soundfile")
    root = tmp_path_factory.mktemp("root")
    return root, write_librispeech(root / "LibriSpeech", flac)


def test_recordings_with_an_alignment_are_listed_by_part(tmp_path):
    write_librispeech(tmp_path / "LibriSpeech", silent)
    folder = librispeech_folder(tmp_path)
    (folder / "dev-clean" / "85" / "121" / "85-121-0001.TextGrid").unlink()
    found = [(PARTS[r.part], r.speaker, r.sentence) for r in librispeech_recordings(folder)]
    assert found == [
        ("train", "84", "84-121-0000"), ("train", "84", "84-121-0001"),
        ("train", "84", "84-121-0002"), ("valid", "85", "85-121-0000"),
        ("valid", "85", "85-121-0002"), ("test", "86", "86-121-0000"),
        ("test", "86", "86-121-0001"), ("test", "86", "86-121-0002"),
    ]  # fmt: skip


def test_a_part_without_alignments_is_named(tmp_path):
    write_librispeech(tmp_path / "librispeech", silent)
    for path in (tmp_path / "librispeech" / "test-clean").rglob("*.TextGrid"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match="recordings for the part test, found none"):
        load_phones("auto", tmp_path)


def test_without_the_folder_it_is_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match="librispeech: expected a folder librispeech in"):
        load_phones("librispeech", tmp_path)


def test_labels_are_those_of_the_alignments(heard):
    root, written = heard
    phones = load_phones("auto", root, minutes=None, context=0, q=5)
    assert phones.name == "LibriSpeech, 0.147 minutes, 5 phones"
    names = {name: name.rstrip("01") or "sil" for name in ARPABET.values()}
    assert phones.phones == sorted(names.values())
    for part in PARTS:
        expected = []
        for (of, _), said in written.items():
            for middle in 160 * np.arange(98) + 200 if of == part else ():
                start, end, name = said[middle // 1600]
                state = 3 * phones.phones.index(names[name])
                expected.append(state + 3 * (middle - start) // (end - start))
        np.testing.assert_array_equal(getattr(phones, part).y, expected)


def test_timit_comes_first_and_a_share_keeps_every_part(heard, tmp_path):
    root, _ = heard
    half = load_phones("librispeech", root, minutes=0.07, context=0, q=5)
    assert len(half.train) == len(half.valid) == len(half.test) == 2 * 98  # of 3 recordings each
    write_timit(tmp_path / "timit")
    (tmp_path / "librispeech").mkdir()
    assert load_phones("auto", tmp_path, minutes=None, q=5).name.startswith("TIMIT")
