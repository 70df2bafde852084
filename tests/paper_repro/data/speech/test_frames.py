import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timit_by_hand import PHONE_SAMPLES, write_timit

from paper_repro.data.speech import frames as module
from paper_repro.data.speech.corpus import recordings
from paper_repro.data.speech.fbank import fbank
from paper_repro.data.speech.frames import labels, load_frames
from paper_repro.data.speech.phn import Transcript


def test_a_frame_is_labelled_by_its_middle_and_cut_in_thirds():
    transcript = Transcript(np.array([0, 480, 960]), np.array([480, 960, 1000]), ["a", "b", "a"])
    spoken, third = labels(transcript, 5)  # middles at 200, 360, 520, 680, 840
    np.testing.assert_array_equal(spoken, [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(third, [1, 2, 0, 1, 2])


def test_nothing_is_spoken_before_between_and_after():
    transcript = Transcript(np.array([300, 600, 600]), np.array([400, 600, 700]), ["a", "b", "c"])
    spoken, third = labels(transcript, 5)
    np.testing.assert_array_equal(spoken, [-1, 0, -1, 2, -1])
    np.testing.assert_array_equal(third, [0, 1, 0, 2, 0])


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=9), st.integers(0, 60))
def test_labels_are_those_of_a_loop(lengths, n):
    ends = np.cumsum(lengths)
    starts = np.concatenate([[0], ends[:-1]])
    spoken, third = labels(Transcript(starts, ends, ["a"] * len(lengths)), n)
    for t in range(n):
        middle = 160 * t + 200
        inside = [i for i in range(len(ends)) if starts[i] <= middle < ends[i]]
        assert spoken[t] == (inside[0] if inside else -1)
        if inside:
            i = inside[0]
            assert third[t] == int(3 * (middle - starts[i]) / (ends[i] - starts[i]))


def test_the_table_holds_every_recording(timit, tmp_path):
    written = write_timit(tmp_path / "again")  # the same seed, so the same sentences
    found = recordings(timit / "TIMIT")
    frames = load_frames(found, tmp_path / "cache")
    assert list(frames.names) == sorted({p for w in written.values() for _, _, p in w.phones})
    assert frames.static.dtype == np.float16
    for u, r in enumerate(found):
        said = written[("train", "valid", "test")[r.part], r.speaker, r.sentence]
        rows = slice(frames.frames[u], frames.frames[u + 1])
        np.testing.assert_array_equal(frames.static[rows], fbank(said.x).astype(np.float16))
        own = frames.phone[frames.phones[u] : frames.phones[u + 1]]
        assert [frames.names[i] for i in own] == [name for _, _, name in said.phones]
        middles = 160 * np.arange(rows.stop - rows.start) + 200
        spoken = frames.phones[u] + middles // PHONE_SAMPLES
        np.testing.assert_array_equal(frames.spoken[rows], spoken)
        assert (frames.part_of_frame[rows] == r.part).all()


def same(a, b):
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in vars(a))


def test_the_table_is_made_once(timit, tmp_path, monkeypatch):
    found = recordings(timit / "TIMIT")
    first = load_frames(found, tmp_path / "cache")
    made = []
    monkeypatch.setattr(module, "make_frames", lambda *_: made.append(1) or first)
    assert same(load_frames(found, tmp_path / "cache"), first)
    assert not made
    load_frames(found[1:], tmp_path / "cache")
    assert len(made) == 1
    found[0].phn.write_text("0 8000 iy\n")
    load_frames(found, tmp_path / "cache")
    assert len(made) == 2


@pytest.mark.parametrize("kept", [0, 10, 2000, -50])
def test_a_damaged_table_is_made_again(timit, tmp_path, kept):
    found = recordings(timit / "TIMIT")
    first = load_frames(found, tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(file.read_bytes()[:kept])
    assert same(load_frames(found, tmp_path / "cache"), first)
