"""Plans against runs, in miniature: the file, the picture, the page, refusals."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from silent_bar import Bar

import hgref
from paper_repro.__main__ import main
from paper_repro.record import read_json
from paper_repro.scaling import compute as computing
from paper_repro.scaling import on_paper, weighed
from paper_repro.scaling.compute import compute
from paper_repro.scaling.draw import at_most, draw, farthest, off, page, terminal
from paper_repro.scaling.engines import Engines
from paper_repro.scaling.problems import problems
from paper_repro.scaling.setting import SMALL

pytest.importorskip("threadpoolctl")
TINY = replace(SMALL, rounds=1, shared_rounds=1)


@contextmanager
def threads(workers):
    """In place of processes: the same tasks without the seconds in which processes start."""
    with ThreadPoolExecutor(workers) as pool, weighed.Weighing(ThreadPoolExecutor(1)) as weighing:
        yield Engines(pool, weighing)


@contextmanager
def no_cluster(workers):
    yield {}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(computing, "engines", threads)
        patch.setattr(computing, "dask", no_cluster)
        return compute(TINY, tmp_path_factory.mktemp("scaling"), Bar())


def test_every_way_that_fits_was_run(made):
    content = read_json(made["scaling"])
    for name, case, budget in problems(TINY):
        plan = hgref.plan(case.problem, budget, workers=TINY.workers, wrt=case.wrt)
        fitting = {way.call for way in plan.ways if way.bytes <= plan.budget}
        rows = [row for row in content["planned"] if row["problem"] == name]
        assert {row["way"] for row in rows} == fitting
        assert all(row[side]["seconds"] > 0 for row in rows for side in ("planned", "measured"))


def test_bytes_are_the_planned_ones(made):
    for row in read_json(made["scaling"])["planned"]:
        before, after = row["planned"], row["measured"]
        if after["sent"] is None:
            # of so little, small objects are a large part
            assert before["bytes"] == pytest.approx(after["bytes"], rel=0.15, abs=9e4)
        else:  # threads of one process do not hold the data once more
            assert before["sent"] == pytest.approx(after["sent"], rel=0.1)


def test_workers_compute_the_same_and_are_sent_the_data_once(made):
    content = read_json(made["scaling"])["shared"]
    assert content["m"] == 1 + TINY.penalties
    assert all(row["difference"] < 1e-12 for row in content["rows"])
    sent = content["sent"]
    assert sent["first call"] == pytest.approx(sent["data and λ"], rel=0.1)
    assert sent["second call"] < 5000


def test_the_picture_and_the_page_come_from_the_file_alone(made):
    path = made["scaling"]
    assert {one.suffix for one in draw({"scaling": path})} == {".png", ".md"}
    content = read_json(path)
    for text in (terminal(content), page(content)):
        assert "a weight for each example" in text
        assert "forward(…, workers=2)" in text
    assert "### A billion weights" in page(content)


def test_shares_and_gains():
    assert off(1.1, 1.0) == "+10 %"
    rows = [{"planned": {"bytes": x}, "measured": {"bytes": 4.0}} for x in (3.0, 4.0, 4.4)]
    assert farthest(rows, "bytes") == 25
    assert at_most({"shared": {"m": 32}, "setting": {"workers": 2}}) == pytest.approx(33 / 17)


def test_on_paper_the_numbers_are_those_that_the_page_tells():
    phones, billion = on_paper.rows()
    assert phones["weights"] > 15e6  # as the paper says
    assert phones["state"] > 30e6
    assert billion["weights"] == pytest.approx(1e9, rel=0.02)
    for one in (phones, billion):
        assert f"-> {one['best']}" in one["plan"]
        assert re.search(rf"not {one['budget']}: \d+ states", one["plan"])


def test_paper_sizes_are_refused(capsys):
    assert main(["--paper", "scaling"]) == 2
    assert "this has its default sizes, and --small ones" in capsys.readouterr().err
