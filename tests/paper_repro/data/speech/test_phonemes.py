import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repro.data.speech.phonemes import SILENCE, fold, spans


@pytest.mark.parametrize(
    ("phoneme", "phone"),
    [
        ("'i:", "i:"),
        (",oU", "oU"),
        ("%@", "@"),
        ("@-", "@"),
        (";", "j"),
        ("'aI@", "aI"),
        ("_", SILENCE),
        ("_:", SILENCE),
        ("_|", SILENCE),
        ("", SILENCE),
        ("t#", "t#"),
        ("3:", "3:"),
    ],
)
def test_folding(phoneme, phone):
    assert fold(phoneme) == phone


def test_silences_in_a_row_are_one_and_what_has_no_length_is_dropped():
    phonemes = [(10, "_:"), (20, "_"), (30, "'a"), (30, "b"), (50, "b"), (60, "_:"), (70, "_")]
    assert spans(phonemes, 80) == [
        (0, 30, SILENCE),
        (30, 50, "b"),
        (50, 60, "b"),
        (60, 80, SILENCE),
    ]


steps = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["_", "_:", "a", "'a", "b"])))


@given(steps, st.integers(1, 60))
def test_spans_cover_the_recording_without_gaps(steps, samples):
    phonemes, sample = [], 0
    for length, name in steps:
        sample += length
        phonemes.append((sample, name))
    found = spans(phonemes, samples)
    assert found[0][0] == 0
    assert found[-1][1] == samples
    assert all(start < end for start, end, _ in found)
    pairs = list(itertools.pairwise(found))
    assert all(a[1] == b[0] for a, b in pairs)
    assert not any(a[2] == b[2] == SILENCE for a, b in pairs)
    for start, end, phone in found:
        last = [fold(name) for sample, name in phonemes if sample <= start]
        assert phone == (last[-1] if last else SILENCE)
        assert phone == SILENCE or not any(start < sample < end for sample, _ in phonemes)
