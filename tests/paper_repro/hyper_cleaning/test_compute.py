"""The experiment in seconds: its numbers, its files, and interruptions."""

import json

import numpy as np
import pytest
from silent_bar import Bar

from hgref.constraints import CappedBox
from paper_repro.digest import digest
from paper_repro.hyper_cleaning import compute as module
from paper_repro.hyper_cleaning.compute import compute
from paper_repro.hyper_cleaning.corruption import corrupt
from paper_repro.hyper_cleaning.draw import draw, markdown, terminal
from paper_repro.hyper_cleaning.methods import clean, cleaning_problem
from paper_repro.record import read_json


def timeless(path):
    """A result without what differs between two runs of the same numbers."""
    content = read_json(path)
    return {k: v for k, v in content.items() if k not in ("wall seconds", "resumed")}


@pytest.fixture(scope="module")
def results(images, setting, tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    bar = Bar()
    paths = compute(images, setting, folder, bar)
    assert bar.ticks == 2 + 2 * (setting.hyper_iterations + 1)
    return paths


def test_cleaning_finds_the_wrong_labels_and_lies_between_baseline_and_oracle(results):
    rows = {row["method"]: row for row in read_json(results["table1"])["rows"]}
    assert list(rows) == ["Oracle", "Baseline", "DH-40", "DH-60"]
    best = max((rows["DH-40"], rows["DH-60"]), key=lambda row: row["F1"])
    assert best["F1"] > 0.9
    assert rows["Baseline"]["test accuracy"] < best["test accuracy"]
    assert best["test accuracy"] <= rows["Oracle"]["test accuracy"] + 0.5
    assert rows["Oracle"]["F1"] is None


def test_scores_are_those_of_the_definition(results, images, setting):
    row = read_json(results["table1"])["rows"][2]
    figure = read_json(results["figure1"])
    tp, fp = figure["curves"]["TP"][-1], figure["curves"]["FP"][-1]
    assert row["discarded"] == tp + fp
    assert row["precision"] == pytest.approx(tp / (tp + fp))
    assert row["recall"] == pytest.approx(tp / 60)
    p, r = row["precision"], row["recall"]
    assert row["F1"] == pytest.approx(2 * p * r / (p + r))


def test_lambda_stays_in_the_papers_set_and_eta_stands_still(images, setting, tmp_path):
    data = corrupt(images, setting)
    run = clean(data, setting, 40, tmp_path / "run.npz", lambda ks: ks)
    problem = cleaning_problem(data, setting)
    for lam in run.lam:
        blocks = problem.unpack(lam)
        assert blocks["eta"] == pytest.approx(0.1 * 120 / 40)
        assert CappedBox(40).contains(blocks["weights"])
    assert run.lam[0][1:].tolist() == pytest.approx([1 / 3] * 120)
    assert run.f[-1] < run.f[0]


def test_curves_cover_every_hyper_iteration(results, setting):
    curves = read_json(results["figure1"])["curves"]
    assert {len(values) for values in curves.values()} == {setting.hyper_iterations + 1}
    assert curves["TP"][0] == curves["FP"][0] == 0


def test_digits_show_what_was_given_and_what_is_true(results, images):
    picture = read_json(results["digits"])
    kept, out = picture["halves"]["kept"], picture["halves"]["discarded"]
    assert kept["of"] + out["of"] == 120
    assert kept["with a wrong label"] + out["with a wrong label"] == 60
    assert max(out["lambda"]) < 1e-3 <= min(kept["lambda"])
    known = {bytes(image).hex(): label for image, label in zip(images.X, images.y, strict=True)}
    for half in (kept, out):
        for pixels, true in zip(half["pixels"], half["true label"], strict=True):
            assert known[pixels] == true


def test_results_say_what_they_were_made_of(results, images):
    for path in results.values():
        about = read_json(path)
        assert about["data"] == {
            "source": "made-up patterns", "sha256": digest(images), "wrong labels": 60,
        }  # fmt: skip
        assert about["setting"]["seed"] == 0
        assert {"hgref", "numpy", "python", "cores"} <= set(about["made with"])
        assert about["wall seconds"] > 0


def test_pictures_and_table_stand_beside_their_numbers(results):
    made = draw(results)
    names = sorted(path.name for path in made)
    assert names == [
        "hyper-cleaning-digits.png",
        "hyper-cleaning-figure1.pdf",
        "hyper-cleaning-figure1.png",
        "hyper-cleaning-table1.md",
    ]
    magic = {".png": b"\x89PNG", ".pdf": b"%PDF", ".md": b"# Table 1"}
    bytes_before = [path.read_bytes() for path in made]
    for path, content in zip(made, bytes_before, strict=True):
        assert content.startswith(magic[path.suffix])
    draw(results)
    assert [path.read_bytes() for path in made] == bytes_before


def test_the_table_reads_the_same_on_the_terminal_and_in_markdown(results):
    content = read_json(results["table1"])
    cells = [line.split() for line in terminal(content).splitlines()[1:]]
    marked = [line.strip("|").split("|") for line in markdown(content).splitlines()[4:8]]
    assert cells == [[cell.strip() for cell in row if cell.strip()] for row in marked]
    assert cells[0][0] == "Oracle"


@pytest.mark.parametrize("stop_at", [1, 2, 9, 15, 20, 27])
def test_an_interrupted_run_goes_on_to_the_same_numbers(
    images, setting, results, tmp_path, stop_at
):
    with pytest.raises(KeyboardInterrupt):
        compute(images, setting, tmp_path, Bar(stop_at))
    assert list(tmp_path.glob(".partial/*/*"))
    assert not list(tmp_path.glob("*.json"))
    paths = compute(images, setting, tmp_path, Bar())
    for name, path in paths.items():
        assert timeless(path) == timeless(results[name])
        assert read_json(path)["resumed"] is True
    assert not list(tmp_path.glob(".partial/*"))


def test_another_setting_does_not_go_on_from_this_one(images, setting, results, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        compute(images, setting, tmp_path, Bar(20))
    paths = compute(images, setting.changed(seed=1), tmp_path, Bar())
    assert read_json(paths["table1"])["resumed"] is False
    assert timeless(paths["table1"]) != timeless(results["table1"])
    assert len(list(tmp_path.glob(".partial/*"))) == 1


def test_a_disk_that_refuses_leaves_the_results_of_before(
    images, setting, results, tmp_path, monkeypatch
):
    (tmp_path / "hyper-cleaning-table1.json").write_text(json.dumps({"old": True}))

    def refuse(path, content):
        raise OSError("No space left on device")

    monkeypatch.setattr(module, "write_json", refuse)
    with pytest.raises(OSError, match="No space left"):
        compute(images, setting, tmp_path, Bar())
    assert read_json(tmp_path / "hyper-cleaning-table1.json") == {"old": True}


def test_nothing_discarded_is_no_division_by_zero(images, setting, tmp_path):
    gentle = setting.changed(hyper_iterations=1, outer_rate=1e-6, R=(60,))
    paths = compute(images, gentle, tmp_path, Bar())
    row = read_json(paths["table1"])["rows"][2]
    assert (row["discarded"], row["F1"], row["precision"]) == (0, 0, 0)
    draw(paths)
    assert np.isfinite(row["test accuracy"])
