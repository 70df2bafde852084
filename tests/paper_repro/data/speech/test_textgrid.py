"""The phones of forced alignments."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from librispeech_by_hand import textgrid
from timit_by_hand import text_file

from paper_repro.data.speech.phn import Transcript
from paper_repro.data.speech.textgrid import read_textgrid

PHONES = [(0, 1600, ""), (1600, 2720, "HH"), (2720, 4320, "AH0"), (4320, 4480, "sp"),
          (4480, 8000, "IY1"), (8000, 8160, "spn")]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("textgrid")


@pytest.mark.parametrize("tier", ["phones", "phonemes"])
def test_phones_lose_their_stress_and_pauses_are_silence(folder, tier):
    found = read_textgrid(text_file(folder / "a.TextGrid", textgrid(PHONES, 0.51, tier)), 8160)
    assert found.phone == ["sil", "HH", "AH", "sil", "IY", "spn"]
    np.testing.assert_array_equal(found.start, [a for a, _, _ in PHONES])
    np.testing.assert_array_equal(found.end, [b for _, b, _ in PHONES])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (textgrid(PHONES, 1, "letters"), 'a tier "phones" of intervals, found none'),
        (textgrid(PHONES, 1, size=7), "expected 7 intervals of phones, found 6"),
        (textgrid([], 1), "expected 0 intervals of phones, found 0"),
        (textgrid([(0, 10, "AA BB")], 1), "the name of a phone, found 'AA BB'"),
        (textgrid([(0, 10, "12")], 1), "the name of a phone, found '12'"),
        (textgrid([(0, 10, "A" * 17)], 1), "the name of a phone"),
        (textgrid([(160, 320, "AA"), (0, 160, "B")], 1), "in the order of time"),
        (textgrid([(0, 1161, "AA")], 1), "of 1000 samples, found one that ends at 1161"),
        (textgrid([(0, 10, "é")], 1), "ASCII"),
        (b"", 'a tier "phones" of intervals, found none'),
    ],
)
def test_what_is_wrong_is_named(folder, text, message):
    with pytest.raises(ValueError, match=message):
        read_textgrid(text_file(folder / "a.TextGrid", text), 1000)


@given(st.data())
def test_nothing_but_a_value_error_comes_out(folder, data):
    damaged = bytearray(textgrid(PHONES, 0.51).encode())
    places = st.tuples(st.integers(0, len(damaged) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, max_size=6)):
        damaged[place] = value
    path = text_file(
        folder / "a.TextGrid", bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    )
    with contextlib.suppress(ValueError):
        assert isinstance(read_textgrid(path), Transcript)
