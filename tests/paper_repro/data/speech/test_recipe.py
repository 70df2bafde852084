import importlib.metadata
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repro.data.speech import recipe as module
from paper_repro.data.speech.recipe import LEAST_SPEAKER, Recipe
from paper_repro.data.speech.voices import VOICES


@given(st.floats(0.01, 1000))
def test_parts_share_the_minutes_by_their_voices(minutes):
    speakers = Recipe(minutes).speakers()
    seconds = {part: len(voices) * each for part, (voices, each) in speakers.items()}
    assert sum(seconds.values()) == pytest.approx(60 * minutes)
    everybody = sum(len(voices) for voices in VOICES.values())
    for part, (voices, each) in speakers.items():
        assert seconds[part] == pytest.approx(60 * minutes * len(VOICES[part]) / everybody)
        assert voices == list(VOICES[part][: len(voices)])
        assert voices
        assert len(voices) == 1 or each >= LEAST_SPEAKER


def test_whatever_changes_the_recordings_changes_the_key(monkeypatch):
    monkeypatch.setattr(module, "version", lambda package: "1.0")
    recipe = Recipe(1.0)
    keys = {
        recipe.key(),
        replace(recipe, minutes=2.0).key(),
        replace(recipe, seed=1).key(),
        replace(recipe, noise=(5.0, 6.0)).key(),
    }
    assert len(keys) == 4
    assert recipe.key() == Recipe(1.0).key() == Recipe(1, np.int64(0), (5, 20)).key()
    monkeypatch.setitem(module.VOICES, "test", ("m1",))
    keys.add(recipe.key())
    monkeypatch.setattr(module, "version", lambda package: "2.0")
    keys.add(recipe.key())
    assert len(keys) == 6


def test_the_key_wants_the_synthesizer(monkeypatch):
    def missing(package):
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(module, "version", missing)
    with pytest.raises(importlib.metadata.PackageNotFoundError, match="espeakng-loader"):
        Recipe(1.0).key()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minutes": 0}, "minutes: expected"),
        ({"minutes": float("nan")}, "minutes: expected"),
        ({"minutes": 1e9}, "minutes: expected"),
        ({"seed": -1}, "seed: expected"),
        ({"noise": (20.0, 5.0)}, "noise: expected"),
        ({"noise": (float("nan"), 5.0)}, "noise: expected"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**{"minutes": 1.0, **options})
