import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timit_by_hand import text_file

from paper_repro.data.speech.phn import LARGEST, LONGEST_NAME, SLACK, read_phn


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("phn")


def test_known_lines(folder):
    found = read_phn(
        text_file(folder / "a.phn", "0 2260 h#\n2260 4070 sh\r\n\n4070 5265 ax-h\n"), 5300
    )
    np.testing.assert_array_equal(found.start, [0, 2260, 4070])
    np.testing.assert_array_equal(found.end, [2260, 4070, 5265])
    assert found.phone == ["h#", "sh", "ax-h"]


transcripts = st.lists(
    st.tuples(st.integers(0, 5000), st.text("abcxyz#-@:0123", min_size=1, max_size=LONGEST_NAME)),
    min_size=1,
)


@given(transcripts)
def test_what_was_written_is_read(folder, phones):
    ends = np.cumsum([length for length, _ in phones])
    starts = [0, *ends[:-1]]
    lines = [f"{a} {b} {name}" for a, b, (_, name) in zip(starts, ends, phones, strict=True)]
    found = read_phn(text_file(folder / "a.phn", "\n".join(lines)), int(ends[-1]))
    np.testing.assert_array_equal(found.start, starts)
    np.testing.assert_array_equal(found.end, ends)
    assert found.phone == [name for _, name in phones]


MALFORMED = {
    "empty": (b"", "lines 'start end phone', found none"),
    "blank": (b" \n\n", "lines 'start end phone', found none"),
    "two fields": (b"0 10 a\n10 20\n", "line 2: .* found '10 20'"),
    "four fields": (b"0 10 a b\n", "line 1: .* found '0 10 a b'"),
    "no number": (b"0 x a\n", "line 1: .* found '0 x a'"),
    "negative": (b"-1 10 a\n", "found '-1 10 a'"),
    "a point": (b"0 10.5 a\n", "found '0 10.5 a'"),
    "what int() would take": (b"0 1_0 a\n", "found '0 1_0 a'"),
    "a number without end": (b"0 " + b"9" * 5000 + b" a\n", "line 1"),
    "a long name": (b"0 10 " + b"a" * 17 + b"\n", "at most 16 letters, found 17"),
    "backwards": (b"0 10 a\n20 15 b\n", "in the order of time, found 20 15 as number 1"),
    "out of order": (b"10 20 a\n0 10 b\n", "in the order of time, found 0 10 as number 1"),
    "not ASCII": ("0 10 é\n".encode(), "ASCII"),
    "beyond the recording": (b"0 1161 a\n", "of 1000 samples, found one that ends at 1161"),
    "large": (b"0 10 a\n" * (LARGEST // 7 + 1), "at most .* found more"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_files_are_refused_by_name(folder, case):
    text, message = MALFORMED[case]
    with pytest.raises(ValueError, match=rf"a\.phn: .*expected .*{message}|a\.phn: {message}"):
        read_phn(text_file(folder / "a.phn", text), 1000)


def test_a_last_phone_may_overshoot_by_a_hop(folder):
    assert read_phn(text_file(folder / "a.phn", "0 1160 a"), 1160 - SLACK).phone == ["a"]


def test_a_missing_file_is_named(folder):
    with pytest.raises(FileNotFoundError, match="missing"):
        read_phn(folder / "missing.phn")


lines = st.lists(st.text("0123456789 -_a.\t\n", max_size=12)).map(lambda parts: "\n".join(parts))


@given(st.one_of(st.binary(max_size=200), lines.map(str.encode)), st.integers(0, 10**6))
def test_nothing_but_a_value_error_comes_out(folder, data, samples):
    try:
        found = read_phn(text_file(folder / "a.phn", data), samples)
    except ValueError:
        return
    assert len(found.start) == len(found.end) == len(found.phone) > 0
    assert (found.start >= 0).all()
    assert (found.start <= found.end).all()
    assert (np.diff(found.start) >= 0).all()
    assert found.end.max() <= samples + SLACK
