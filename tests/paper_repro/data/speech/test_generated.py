import importlib.util
import sys

import numpy as np
import pytest

from paper_repro.data.speech import generated as module
from paper_repro.data.speech.corpus import recordings
from paper_repro.data.speech.generated import generated_corpus
from paper_repro.data.speech.phn import read_phn
from paper_repro.data.speech.recipe import Recipe
from paper_repro.data.speech.recording import read_recording
from paper_repro.data.speech.voices import VOICES, speaker

TEST_SPEAKERS = {speaker(voice) for voice in VOICES["test"]}


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_corpus_reads_like_timit(tiny):
    found = recordings(tiny[1], TEST_SPEAKERS)
    assert {r.part for r in found} == {0, 1, 2}
    for r in found:
        x = read_recording(r.wav)
        phones = read_phn(r.phn, len(x))
        assert phones.start[0] == 0
        assert phones.end[-1] == len(x)
        np.testing.assert_array_equal(phones.start[1:], phones.end[:-1])
        assert phones.phone[0] == phones.phone[-1] == "sil"
        assert r.wav.with_suffix(".TXT").read_text().startswith(f"0 {len(x)} ")


def test_noise_is_5_to_20_dB_below_speech(tiny):
    """As heard in the 50 ms before anybody speaks; some slack, as a stretch of noise varies."""
    for r in recordings(tiny[1], TEST_SPEAKERS):
        x = read_recording(r.wav).astype(float)
        phones = read_phn(r.phn)
        pairs = zip(phones.start, phones.end, phones.phone, strict=True)
        speech = np.concatenate([x[start:end] for start, end, name in pairs if name != "sil"])
        assert 1 < 20 * np.log10(root_mean_square(speech) / root_mean_square(x[:800])) < 24


def root_mean_square(x):
    return np.sqrt(np.mean(x**2))


def test_the_same_recipe_gives_the_same_bytes(tiny, tmp_path):
    again = generated_corpus(tmp_path, Recipe(minutes=0.15))
    assert again.name == tiny[1].name
    assert contents(again) == contents(tiny[1])


def test_a_corpus_is_made_once_and_the_library_never_loaded_here(tiny, monkeypatch):
    def refuse(*_):
        raise AssertionError("made twice")

    monkeypatch.setattr(module, "run_generator", refuse)
    assert generated_corpus(tiny[0], Recipe(minutes=0.15)) == tiny[1]
    assert "espeakng_loader" not in sys.modules


@pytest.fixture
def synthesizer(monkeypatch):
    """As if espeakng-loader were installed."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr("paper_repro.data.speech.recipe.version", lambda package: "0.0")


class Bar:
    """What of a tqdm bar is used."""

    def __init__(self):
        self.total, self.n, self.description = None, 0, None

    def reset(self, total):
        self.total, self.n = total, 0

    def set_description(self, description):
        self.description = description

    def update(self, n=1):
        self.n += n


def instead_of_the_generator(monkeypatch, program):
    """Run this Python program, with the folder as its argument, where the generator would be."""
    start = module.subprocess.Popen

    def popen(command, **options):
        return start([sys.executable, "-c", program, command[3]], **options)

    monkeypatch.setattr(module.subprocess, "Popen", popen)


def test_the_bar_follows_the_seconds_that_the_generator_tells(synthesizer, monkeypatch, tmp_path):
    instead_of_the_generator(monkeypatch, "print(2.5); print(3.25)")
    bar = Bar()
    folder = generated_corpus(tmp_path, Recipe(minutes=1), bar)
    assert folder.is_dir()
    assert (bar.total, bar.n) == (60, 5.75)


def test_a_generator_that_fails_leaves_nothing_and_its_last_words(
    synthesizer, monkeypatch, tmp_path
):
    program = "import sys, pathlib; (pathlib.Path(sys.argv[1]) / 'TRAIN').mkdir(); 1 / 0"
    instead_of_the_generator(monkeypatch, program)
    with pytest.raises(RuntimeError, match=r"exit status 1: ZeroDivisionError: division by zero"):
        generated_corpus(tmp_path, Recipe(minutes=1))
    assert list((tmp_path / "speech").iterdir()) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError])
def test_an_interruption_leaves_nothing(synthesizer, monkeypatch, tmp_path, interruption):
    program = "import time; print(1.0, flush=True); time.sleep(60)"
    instead_of_the_generator(monkeypatch, program)
    bar = Bar()

    def interrupt(n):
        raise interruption

    bar.update = interrupt
    with pytest.raises(interruption):
        generated_corpus(tmp_path, Recipe(minutes=1), bar)
    assert list((tmp_path / "speech").iterdir()) == []


def test_what_a_killed_process_left_is_not_taken_for_whole(synthesizer, monkeypatch, tmp_path):
    left = tmp_path / "speech" / ".half-made-abc" / "TRAIN"
    left.mkdir(parents=True)
    made = []
    monkeypatch.setattr(module, "run_generator", lambda folder, *_: made.append(folder))
    folder = generated_corpus(tmp_path, Recipe(minutes=1))
    assert made
    assert not (folder / "TRAIN").exists()


def test_another_process_may_be_faster(synthesizer, monkeypatch, tmp_path):
    folder = tmp_path / "speech" / f"espeak-ng-{Recipe(minutes=1).key()}"

    def slow(half_made, *_):
        (half_made / "mine").touch()
        folder.mkdir()
        (folder / "theirs").touch()

    monkeypatch.setattr(module, "run_generator", slow)
    assert generated_corpus(tmp_path, Recipe(minutes=1)) == folder
    assert [path.name for path in folder.iterdir()] == ["theirs"]
    assert list(folder.parent.iterdir()) == [folder]


def test_without_the_synthesizer_it_tells_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install -e "\.\[speech\]"'):
        generated_corpus(tmp_path, Recipe(minutes=1))
    assert list(tmp_path.iterdir()) == []
