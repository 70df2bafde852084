"""`python -m paper_repro benchmark`, called as a user calls it."""

import os

import pytest

from paper_repro import __main__ as program
from paper_repro.__main__ import main
from paper_repro.benchmark import command, compute, draw
from paper_repro.benchmark.problems import PROBLEMS
from paper_repro.benchmark.table import columns, problem_rows, terminal
from paper_repro.experiments import FIGURES
from paper_repro.record import read_json

SOME = {name: PROBLEMS[name] for name in ("P1 dense", "P3 forward")}


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """What `benchmark --small` leaves."""
    out = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        for module in (command, compute):
            patch.setattr(module, "PROBLEMS", SOME)
        assert main(["benchmark", "--small", "--out", str(out)]) == 0
    return out


def test_two_files_are_left(figures):
    assert sorted(path.name for path in figures.iterdir()) == ["benchmark.json", "benchmark.png"]
    assert (figures / "benchmark.png").read_bytes().startswith(b"\x89PNG")


def test_every_problem_has_its_medians_and_differences(figures):
    content = read_json(figures / "benchmark.json")
    assert [one["problem"] for one in content["problems"]] == list(SOME)
    for one in content["problems"]:
        assert one["threads"] == 1 or one["problem"][:2] != "P3"
        assert {lib["num_threads"] for lib in one["threaded libraries"]} == {one["threads"]}
        assert {"fast", "readable"} <= set(one["contenders"])
        assert not {"jax", "torch"} & set(one["contenders"])
        for name, row in one["contenders"].items():
            assert 0 < row["least"] <= row["median"] <= row["most"]
            assert row["rounds"] == 2
            assert row["first call"] > 0
            if not name.startswith("products"):
                assert row["difference"] < 1e-8


def test_memory_is_there(figures):
    found = read_json(figures / "benchmark.json")["memory"]["megabytes"]
    assert set(found) == {"fast kept", "fast recompute", "fast checkpointed"}
    assert all(0 < row["before"] <= row["peak"] for row in found.values())


def test_results_say_where_they_come_from(figures):
    about = read_json(figures / "benchmark.json")
    made = about["made with"]
    assert {"numpy", "numba", "processor", "threads", "cores", "load before"} <= set(made)
    assert "torch" not in made
    assert about["setting"]["seed"] == 0
    assert len(about["date"]) == 10


def test_the_picture_is_made_of_the_numbers_alone(figures):
    before = (figures / "benchmark.png").read_bytes()
    (picture,) = draw.draw({"benchmark": figures / "benchmark.json"})
    assert picture.read_bytes() == before


def test_the_table_has_ratios_to_the_fast_layer_and_to_the_floor():
    seconds = {"fast": 0.2, "jax": 0.5, "products whole": 0.16, "products in blocks": 0.1}
    same = {"difference": 1e-12, "first call": 3.0, "rounds": 5}
    rows = {name: {"median": s, "least": s / 2, "most": 2 * s, **same}
            for name, s in seconds.items()}  # fmt: skip
    table = problem_rows({"contenders": rows, "T": 100})
    cells = {row[0]: row[1:] for row in table}
    assert cells["jax"] == ["5", "2.5", "10", "2.50", "5.00", "1e-12", "3.00"]
    assert cells["products in blocks (floor)"][3:5] == ["0.50", "1.00"]
    assert len({len(line.rstrip()) for line in columns([["a", "1"], ["b", "22"]])}) == 1


def test_a_busy_machine_is_told(figures):
    content = read_json(figures / "benchmark.json")
    for load, told in ((3.2, True), (0.0, False), (None, False)):
        content["made with"]["load before"] = load
        assert ("Beware: a load of 3.2" in terminal(content)) is told


def test_some_problems_alone_leave_out_the_rest(tmp_path, capsys):
    arguments = ["benchmark", "--small", "--threads", "1", "--only", "P3 forward"]
    assert main([*arguments, "--seed", "3", "--out", str(tmp_path)]) == 0
    content = read_json(tmp_path / "benchmark.json")
    assert [one["problem"] for one in content["problems"]] == ["P3 forward"]
    assert "memory" not in content
    assert content["setting"]["seed"] == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["benchmark.json", "benchmark.png"]
    assert "P3 forward, float64: forward: small, Adam; m = 4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--paper"], "--paper: the benchmark has only its default sizes and --small"),
        (["--small", "--threads", "0"], "threads: expected "),
        (["--small", "--threads", "9999"], "threads: expected "),
        (["--small", "--seed", "-1"], "seed: expected "),
    ],
)
def test_bad_options_end_with_one_line_and_status_2(tmp_path, capsys, arguments, message):
    assert main(["benchmark", "--out", str(tmp_path), *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert not list(tmp_path.iterdir())


def test_peers_that_are_missing_are_named_with_their_extra(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(compute, "find_spec", lambda name: None if name == "torch" else object())
    assert main(["benchmark", "--small", "--peers", "--out", str(tmp_path)]) == 2
    (line,) = [s for s in capsys.readouterr().err.splitlines() if s.startswith("paper_repro:")]
    assert 'not installed: torch; install the extra peers: python -m pip install -e ".[peers]"' in line  # fmt: skip # noqa: E501
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_nothing_half_written(tmp_path, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(compute, "in_process", interrupted)
    assert main(["benchmark", "--small", "--out", str(tmp_path)]) == 130
    assert "Nothing was written" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_it_runs_by_name_alone(monkeypatch, tmp_path):
    ran = []
    for name, module in program.EXPERIMENTS.items():
        monkeypatch.setattr(module, "run", lambda options, name=name: ran.append(name))
    assert main(["--out", str(tmp_path)]) == 0
    assert ran == list(FIGURES)
    assert main(["benchmark"]) == 0
    assert ran[-1] == "benchmark"


def test_threads_are_two_where_there_are_two():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    options = program.parser().parse_args(["benchmark"])
    assert command.threads_of(options) == min(2, cores)
