"""The page about a folder of results, and the command that makes all of them."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repro import experiments
from paper_repro.__main__ import main
from paper_repro.claim import Claim, judge
from paper_repro.experiments import FIGURES, Experiment
from paper_repro.hyper_cleaning.claims import RULES as CLEANING
from paper_repro.record import read_json, write_json
from paper_repro.report import compute as module
from paper_repro.report.compute import compute
from paper_repro.report.draw import draw, tally

ROWS = [
    {"method": "Oracle", "test accuracy": 90.0, "F1": None},
    {"method": "Baseline", "test accuracy": 85.0, "F1": None},
    {"method": "DH-300", "test accuracy": 89.5, "F1": 0.92},
    {"method": "DH-450", "test accuracy": 89.0, "F1": 0.95},
]
ABOUT = {"data": {"source": "made-up patterns"}, "setting": {"T": 3}, "wall seconds": 1.5}
CURVES = {"TP": [0, 50], "FP": [0, 10], "validation accuracy": [80.0, 85.0]}


def with_row(number, **changes):
    return {"rows": [row | changes if j == number else row for j, row in enumerate(ROWS)]}


@pytest.fixture
def folder(tmp_path):
    """A table and a figure, as hyper-cleaning leaves them."""
    write_json(tmp_path / "hyper-cleaning-table1.json", {**ABOUT, "rows": ROWS})
    (tmp_path / "hyper-cleaning-table1.md").write_text("# T\n\n| method |\n| --- |\n| DH |\n")
    write_json(tmp_path / "hyper-cleaning-figure1.json", {**ABOUT, "curves": CURVES})
    (tmp_path / "hyper-cleaning-figure1.png").write_bytes(b"\x89PNG")
    return tmp_path


def page_of(folder, skipped=None):
    paths = compute(folder, skipped or {})
    (page,) = draw(paths)
    return page.read_text(), read_json(paths["report"])


# --- claims of section 5.1 ---


@pytest.mark.parametrize(
    ("number", "changes", "false"),
    [
        (2, {"test accuracy": 84.9}, 3),  # under Baseline, closing no gap, and far from the other R
        (2, {"test accuracy": 90.6}, 2),  # above Oracle + 0.5, far from the other R
        (3, {"test accuracy": 88.7}, 2),  # 74 % of the gap, far from the other R
        (0, {"test accuracy": 85.0}, 2),  # no gap
        (3, {"F1": 0.89}, 1),
    ],
)
def test_claims_about_table_1_can_be_false(number, changes, false):
    rules = CLEANING["hyper-cleaning-table1"]
    assert all(rule({"rows": ROWS}).agrees is not False for rule in rules)
    assert [rule(with_row(number, **changes)).agrees for rule in rules].count(False) == false


@pytest.mark.parametrize(
    "changes", [{"FP": [0, 11]}, {"TP": [0, 0], "FP": [0, 0]}, {"validation accuracy": [80, 80]}]
)
def test_claims_about_figure_1_can_be_false(changes):
    rules = CLEANING["hyper-cleaning-figure1"]
    assert all(rule({"curves": CURVES}).agrees for rule in rules)
    assert [rule({"curves": CURVES | changes}).agrees for rule in rules].count(False) == 1


# --- any experiment ---


def test_every_experiment_says_what_the_paper_claims():
    for name, one in FIGURES.items():
        if one.claims is not None:
            assert one.claims.TITLE
            for stem, rules in one.claims.RULES.items():
                assert stem == name or stem.startswith(f"{name}-")
                assert all(rule.__doc__ for rule in rules)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["rows", "curves", "fits", "f", "reverse", "realtime", "TP", "F1"]),
            inner,
        )
    ),
    max_leaves=6,
)


any_json = st.recursive(
    st.none() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
)


@given(content=st.dictionaries(st.sampled_from(["rows", "curves", "fits", "f"]), json_values))
def test_content_of_another_kind_is_not_judged(content):
    for one in FIGURES.values():
        for rules in [] if one.claims is None else one.claims.RULES.values():
            for rule in rules:
                claim = judge(rule, content)
                assert isinstance(claim, Claim)
                assert claim.agrees in (True, False, None)


# --- the page ---


def test_the_page_has_tables_pictures_claims_and_the_papers_numbers(folder):
    text, content = page_of(folder)
    assert "6 of 7 claims hold here, 0 do not, 1 are undecided." in text
    assert "![hyper-cleaning-figure1](hyper-cleaning-figure1.png)" in text
    assert "| DH |" in text
    assert "| DH-1000 | 90.07 | 0.9137 |" in text
    assert text.count("recalled from the published paper, not checked") == 2
    assert "* data: source made-up patterns" in text
    assert "* wall seconds: 1.5" in text
    assert "* `costs`" in text.split("## Not here")[1]
    assert {part["name"] for part in content["parts"]} == set(FIGURES)


def test_a_false_claim_stands_on_the_page(folder):
    write_json(folder / "hyper-cleaning-table1.json", with_row(3, F1=0.5))
    text, _ = page_of(folder)
    assert "5 of 7 claims hold here, 1 do not, 1 are undecided." in text
    assert "| 0.5000 … 0.9200 | **does not hold** |" in text


def test_what_is_skipped_is_told_with_its_reason(folder):
    text, _ = page_of(folder, {"surface": "no digits here", "hyper-cleaning": "no MNIST"})
    assert "skipped: no digits here" in text
    assert "Not run this time (no MNIST): these are the files of an earlier run." in text


@pytest.mark.parametrize("damage", [b"", b"[1]", b"{", b'"\xff"'])
def test_a_damaged_result_is_told_and_ends_nothing(folder, damage):
    (folder / "hyper-cleaning-table1.json").write_bytes(damage)
    text, _ = page_of(folder)
    assert "`hyper-cleaning-table1.json` is damaged: " in text
    assert "2 of 2 claims hold here" in text


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A folder that every example writes to anew."""
    return tmp_path_factory.mktemp("fuzz")


@given(result=st.binary(max_size=60), table=st.binary(max_size=60))
def test_any_bytes_make_a_page(once, result, table):
    (once / "costs.json").write_bytes(result)
    (once / "costs.md").write_bytes(b"| a |\n| --- |\n| " + table)
    text, _ = page_of(once)
    assert "## Time and memory (section 4)" in text


@given(content=st.dictionaries(st.sampled_from(["data", "setting", "fits"]), any_json))
def test_any_content_makes_a_page(once, content):
    (once / "costs.json").write_text(json.dumps(content))
    text, _ = page_of(once)
    assert "of 7 claims hold here" in text


def test_a_result_without_the_numbers_is_not_judged(folder):
    write_json(folder / "hyper-cleaning-table1.json", {"rows": [{}]})
    text, _ = page_of(folder)
    assert "2 of 7 claims hold here, 0 do not, 5 are undecided." in text
    assert "not to be judged: KeyError: 'method'" in text


def test_an_empty_folder_makes_an_empty_page(tmp_path, capsys):
    assert main(["report", "--out", str(tmp_path / "none")]) == 0
    assert "0 of 0 claims" in capsys.readouterr().out
    assert "![" not in (tmp_path / "none" / "report.md").read_text()


# --- other runs ---


@pytest.fixture
def two_runs(folder, tmp_path_factory):
    """A folder, and the report of another run, in which one claim is false, beside its results."""
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(folder, other, dirs_exist_ok=True)
    write_json(other / "hyper-cleaning-table1.json", with_row(3, F1=0.5))
    report = compute(other, {})["report"]
    return folder, report.rename(folder / "report-of-seed-1.json")


def test_the_verdicts_of_another_run_stand_beside_those_of_this_one(two_runs):
    text, _ = page_of(two_runs[0])
    assert "[seed-1](report-of-seed-1.json), 6 of the 7 claims that it judges have" in text
    assert "| found | here it | in seed-1 it |" in text
    assert "| 0.9200 … 0.9500 | holds | **does not hold** |" in text
    assert "6 of 7 claims hold here, 0 do not, 1 are undecided." in text


def test_a_claim_that_another_run_does_not_judge_has_an_empty_cell(two_runs):
    folder, report = two_runs
    content = read_json(report)
    for part in content["parts"]:
        part["results"] = [one for one in part["results"] if one["stem"].endswith("figure1")]
    write_json(report, content)
    text, _ = page_of(folder)
    assert "2 of the 2 claims that it judges" in text
    assert "| 0.9200 … 0.9500 | holds |  |" in text


@pytest.mark.parametrize(
    "damage", [b"", b"[1]", b"{}", b'{"parts": [3]}',
               b'{"parts": [{"results": [{"stem": "a", "claims": [{"text": "", "agrees": 2}]}]}]}']
)  # fmt: skip
def test_a_damaged_report_of_another_run_is_told_and_ends_nothing(two_runs, damage):
    folder, report = two_runs
    report.write_bytes(damage)
    text, _ = page_of(folder)
    assert "`report-of-seed-1.json` is damaged: " in text
    assert "6 of 7 claims hold here" in text


def test_the_page_is_made_of_its_json_alone(folder):
    paths = compute(folder, {})
    (page,) = draw(paths)
    before = page.read_bytes()
    for path in folder.glob("hyper-cleaning*"):
        path.unlink()
    assert draw(paths)[0].read_bytes() == before


def test_the_tally_counts():
    def part(*agrees):
        claims = [{"agrees": one} for one in agrees]
        return {"name": "n", "results": [{"stem": "n-table", "claims": claims}]}

    assert (
        tally([part(True, False), part(None)])
        == "1 of 3 claims hold here, 1 do not, 1 are undecided."
    )


# --- all of them ---


class Fake:
    """An experiment that leaves a file, or cannot."""

    SUMMARY = "made up"

    def __init__(self, name, error=None):
        self.name, self.error, self.runs = name, error, 0

    def run(self, options):
        self.runs += 1
        if self.error is not None:
            raise self.error
        print(f"running {self.name}")
        write_json(options.out / f"{self.name}.json", ABOUT)


@pytest.fixture
def fakes(monkeypatch):
    """Three experiments in the place of the real ones."""
    made = {name: Fake(name) for name in ("one", "two", "three")}
    for name in list(FIGURES):
        monkeypatch.delitem(experiments.FIGURES, name)
    for name, fake in made.items():
        monkeypatch.setitem(experiments.FIGURES, name, Experiment(fake))
    return made


@pytest.mark.parametrize("error", [FileNotFoundError("no data"), ModuleNotFoundError("no data")])
def test_all_are_run_and_those_without_data_skipped(fakes, tmp_path, capsys, error):
    fakes["two"].error = error
    assert main(["--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "running one\n" in printed
    assert "skipped: two: no data\n" in printed
    assert "running three\n" in printed
    assert "skipped: no data" in (tmp_path / "report.md").read_text()
    assert not list(tmp_path.glob(".partial/*"))


def test_another_error_ends_the_run_with_one_line(fakes, tmp_path, capsys):
    fakes["two"].error = ValueError("bad number")
    assert main(["--out", str(tmp_path)]) == 2
    assert "paper_repro: bad number" in capsys.readouterr().err
    assert fakes["three"].runs == 0


def test_after_an_interruption_what_is_done_is_not_done_again(fakes, tmp_path, capsys):
    fakes["two"].error = KeyboardInterrupt()
    assert main(["--out", str(tmp_path)]) == 130
    assert "run the same command again to continue" in capsys.readouterr().out
    fakes["two"].error = None
    assert main(["--out", str(tmp_path)]) == 0
    assert [fake.runs for fake in fakes.values()] == [1, 2, 1]
    assert main(["--out", str(tmp_path)]) == 0
    assert [fake.runs for fake in fakes.values()] == [2, 3, 2]


def test_other_options_begin_anew(fakes, tmp_path):
    fakes["two"].error = KeyboardInterrupt()
    assert main(["--out", str(tmp_path)]) == 130
    fakes["two"].error = None
    assert main(["--out", str(tmp_path), "--seed", "3"]) == 0
    assert fakes["one"].runs == 2


def test_an_experiment_without_claims_is_shown(fakes, tmp_path):
    assert main(["--out", str(tmp_path)]) == 0
    (tmp_path / "one.png").write_bytes(b"\x89PNG")
    text, _ = page_of(tmp_path)
    assert "## one" in text
    assert "![one](one.png)" in text


def test_names_that_begin_alike_are_kept_apart(tmp_path):
    for stem in ("costs", "costs-more", "costsextra"):
        (tmp_path / f"{stem}.json").write_text(json.dumps(ABOUT))
    assert sorted(module.results("costs", tmp_path)) == ["costs", "costs-more"]
    shutil.rmtree(tmp_path)
    assert list(module.results("costs", tmp_path)) == []
