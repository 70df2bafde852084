import shutil

import numpy as np
import pytest
from timit_by_hand import SPEAKERS, write_timit

from paper_repro.data.speech.corpus import CORE, PARTS, recordings, share, timit_folder

EXPECTED = [
    (i, speaker, sentence)
    for i, part in enumerate(PARTS)
    for speaker in sorted(SPEAKERS[part])
    for sentence in ("SI100", "SX7")
]


@pytest.mark.parametrize("letters", [str.upper, str.lower, str.title])
def test_names_in_any_letters_give_the_same_split_without_sa(tmp_path, letters):
    write_timit(tmp_path / "timit", letters)
    found = recordings(timit_folder(tmp_path))
    assert [(r.part, r.speaker, r.sentence) for r in found] == EXPECTED


@pytest.mark.parametrize("inside", ["timit", "TIMIT", "timit/TIMIT", "TIMIT/data"])
def test_timit_is_found_where_its_copies_have_it(tmp_path, inside):
    write_timit(tmp_path / inside)
    assert timit_folder(tmp_path) == tmp_path / inside


def test_without_timit_there_is_none(tmp_path):
    (tmp_path / "timit" / "TRAIN").mkdir(parents=True)
    assert timit_folder(tmp_path) is None
    assert timit_folder(tmp_path / "missing") is None


def test_the_core_test_set_has_two_men_and_one_woman_of_each_of_eight_regions():
    assert len(CORE) == 24
    assert sorted(name[0] for name in CORE) == ["F"] * 8 + ["M"] * 16


def test_a_copy_in_riff_beside_the_original_is_taken(timit):
    home = timit / "TIMIT" / "TRAIN" / "DR1" / "FAAA0"
    shutil.copy(home / "SX7.WAV", home / "SX7.WAV.wav")
    (home / "SX7.WAV").write_bytes(b"NIST_1A")
    found = recordings(timit / "TIMIT")
    assert len(found) == len(EXPECTED)
    assert home / "SX7.WAV.wav" in [r.wav for r in found]


def test_test_speakers_may_be_others(timit):
    found = recordings(timit / "TIMIT", {"FCCC0"})
    parts = {r.speaker: PARTS[r.part] for r in found}
    assert parts["FCCC0"] == "test"
    assert parts["MDAB0"] == "valid"


def test_a_missing_transcript_is_named(timit):
    (timit / "TIMIT" / "TEST" / "DR1" / "MDAB0" / "SX7.PHN").unlink()
    with pytest.raises(FileNotFoundError, match=r"SX7\.WAV: expected a transcript SX7\.PHN"):
        recordings(timit / "TIMIT")


def test_a_missing_side_and_an_empty_part_are_named(timit):
    shutil.rmtree(timit / "TIMIT" / "TEST" / "DR1" / "FCCC0")
    with pytest.raises(FileNotFoundError, match="recordings for the part valid"):
        recordings(timit / "TIMIT")
    shutil.rmtree(timit / "TIMIT" / "TEST")
    with pytest.raises(FileNotFoundError, match="a folder TEST"):
        recordings(timit / "TIMIT")


def test_a_share_of_the_minutes_has_every_part_and_depends_on_the_seed(timit):
    found = recordings(timit / "TIMIT")
    minutes = sum(r.seconds for r in found) / 60
    assert share(found, minutes, 0) == found
    half = share(found, minutes / 2, 0)
    assert half == share(found, minutes / 2, 0)
    assert [r for r in found if r in half] == half
    np.testing.assert_array_equal(np.bincount([r.part for r in half]), [2, 1, 2])
    assert {tuple(share(found, minutes / 2, seed)) for seed in range(9)} != {tuple(half)}
    assert [r.part for r in share(found, 1e-6, 0)] == [0, 1, 2]
