"""Phones as tasks: the examples of `many_class`, asked for by name."""

import importlib.util

import numpy as np
import pytest

from paper_repro.data import tasks
from paper_repro.data.speech.segments import many_class
from paper_repro.data.tasks import load_tasks


def test_phones_are_tasks_without_pictures(timit, monkeypatch):
    monkeypatch.setattr(tasks, "PHONES", 4)
    found = load_tasks("phones", "auto", timit, seed=1, per_class=6)
    known = many_class("timit", timit, classes=4, examples=6, seed=1)
    np.testing.assert_array_equal(found.X, known.X)
    np.testing.assert_array_equal(found.y, known.y)
    assert found.classes == tuple(known.classes)
    assert found.name == f"{known.name}, the 4 most frequent"
    assert found.pictures is None


def test_fifty_phones_need_more_than_a_folder_written_by_hand(timit):
    with pytest.raises(ValueError, match="expected 50 phones spoken at least 100 times, found 0"):
        load_tasks("phones", "auto", timit)


def test_without_any_speech_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda *name: None)
    with pytest.raises(ModuleNotFoundError, match=r"espeakng-loader is not installed: .*speech"):
        load_tasks("phones", "auto", tmp_path)
