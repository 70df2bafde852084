"""`python -m paper_repro task-interactions`, called as a user calls it."""

import importlib.util
import re

import numpy as np
import pytest

from paper_repro.__main__ import main, parser
from paper_repro.task_interactions.command import setting_of
from paper_repro.task_interactions.setting import DEFAULT, OF_PHONES, PRESETS


@pytest.fixture
def features(tasks, tmp_path):
    """A user's file with twelve examples of each class, and another with fifty."""
    few, enough = tmp_path / "few.npz", tmp_path / "enough.npz"
    np.savez(few, X=tasks.X[:48], y=tasks.y[:48])
    np.savez(enough, X=np.tile(tasks.X, (3, 1)), y=np.tile(tasks.y, 3))
    return few, enough


def test_a_users_features_from_command_to_figures(features, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["--source", str(features[1]), "--seeds", "2", "--T", "5", "--R", "0.02"]
    place = ["--small", "--out", str(out), "--data-dir", str(tmp_path)]
    assert main(["task-interactions", *arguments, "--hyper-iterations", "2", *place]) == 0
    printed = capsys.readouterr().out
    assert "task-interactions-enough on features in enough.npz: 5 training examples" in printed
    assert re.search(r"^HMTL-S +\d", printed, re.MULTILINE)
    assert sorted(path.name for path in out.glob("*.*")) == [
        ".partial",
        "task-interactions-enough-errors.json",
        "task-interactions-enough-errors.png",
        "task-interactions-enough-figure2.json",
        "task-interactions-enough-figure2.pdf",
        "task-interactions-enough-figure2.png",
        "task-interactions-enough-table2.json",
        "task-interactions-enough-table2.md",
    ]


def test_help_tells_the_options(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["task-interactions", "--help"])
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert all(option in printed for option in ("--source", "--features", "--R", "--seeds"))
    assert "phones" in printed


def test_options_change_the_preset_and_phones_have_their_own():
    def asked(*words):
        return setting_of(parser().parse_args(["task-interactions", *words]))

    assert asked() == DEFAULT
    assert asked("--small", "--T", "7").T == 7
    assert asked("--paper") == PRESETS["paper"]
    assert asked("--source", "phones") == OF_PHONES["default"]
    assert asked("--source", "phones", "--R", "0.5").R == 0.5
    assert {one.per_class for one in OF_PHONES.values()} == {50, 100}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--R", "0"], "R: expected a number above 0, found 0"),
        (["--R", "nan"], "R: expected a number above 0, found nan"),
        (["--seeds", "1"], "seeds: expected at least 2, found 1"),
        (["--T", "0"], "T: expected at least 1, found 0"),
        (["--hyper-iterations", "0"], "hyper_iterations: expected at least 1, found 0"),
        (["--seed", "-1"], "seed: expected at least 0, found -1"),
        (["--source", "phone"], "did you mean 'phones'"),
        (["--source", "phones", "--features", "cnn"], "expected 'auto' with phones"),
        (["--source", "phones"], "espeakng-loader is not installed"),
        (["--source", "none.npz"], "none.npz"),
    ],
)
def test_bad_options_end_with_one_line_and_status_2(
    tmp_path, capsys, monkeypatch, arguments, message
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda *name: None)
    place = ["--data-dir", str(tmp_path), "--out", str(tmp_path / "out"), "--small"]
    assert main(["task-interactions", *place, *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert not list(tmp_path.glob("out/*.json"))


def test_a_class_with_too_few_examples_is_named(features, tmp_path, capsys):
    arguments = ["--source", str(features[0]), "--small", "--out", str(tmp_path / "out")]
    assert main(["task-interactions", *arguments, "--data-dir", str(tmp_path)]) == 2
    expected = "per_class: expected at most as many as class 'class 0' has, 12, found 50"
    assert expected in capsys.readouterr().err
