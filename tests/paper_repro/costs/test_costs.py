"""`python -m paper_repro costs`, and the fits on numbers that are known."""

from dataclasses import replace

import numpy as np
import pytest

from paper_repro.__main__ import main
from paper_repro.costs.claims import RULES
from paper_repro.costs.compute import ALGORITHMS, runs, timed_case
from paper_repro.costs.draw import page, panels, terminal
from paper_repro.costs.fits import deviation, exponent_of_columns, line, memory_fits, time_fits
from paper_repro.costs.setting import PRESETS, SMALL
from paper_repro.record import read_json

FINE = {  # a result that section 4 would be content with
    "fits": {
        "forward seconds against m": {
            "R2": 0.999,
            "exponent": 0.9,
            "exponent of the columns": 1.05,
        },
        "reverse seconds against m": {"deviation %": 4.0},
        "reverse bytes against T p": {"R2": 1.0, "slope": 24.1, "predicted slope": 24},
        "forward megabytes against T": {"deviation %": 0.1},
        "checkpointed bytes against √T p": {"R2": 1.0, "slope": 39, "predicted slope": 40},
    }
}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """What `costs --small` leaves, with fewer numbers still."""
    folder, patch = tmp_path_factory.mktemp("figures"), pytest.MonkeyPatch()
    with patch.context() as context:
        fewer = replace(SMALL, hypers=(1, 2, 4), weights=(3000, 6000), steps=(9, 16, 36), rounds=1)
        context.setitem(PRESETS, "small", fewer)
        assert main(["costs", "--small", "--out", str(folder)]) == 0
    return folder


def test_three_files_are_left(out):
    assert sorted(path.name for path in out.iterdir()) == ["costs.json", "costs.md", "costs.png"]
    assert (out / "costs.png").read_bytes().startswith(b"\x89PNG")


def test_every_curve_has_its_numbers(out):
    content = read_json(out / "costs.json")
    curve = content["seconds against m"]
    assert curve["x"] == [1, 2, 4]
    assert all(len(curve[name]) == 3 and min(curve[name]) > 0 for name in ALGORITHMS)
    assert [one["T"] for one in content["megabytes against weights"]] == [9, 16, 36]
    assert {"data", "setting", "made with", "wall seconds"} <= set(content)


def test_memory_is_as_section_4_says_even_when_small(out):
    fits = read_json(out / "costs.json")["fits"]
    reverse = fits["reverse bytes against T p"]
    assert reverse["predicted slope"] == 8 * 3  # v, w and g of each weight
    assert reverse["slope"] == pytest.approx(reverse["predicted slope"], rel=0.02)
    assert reverse["R2"] > 0.999
    checkpointed = fits["checkpointed bytes against √T p"]
    assert checkpointed["predicted slope"] == 8 * (2 + 3)
    assert checkpointed["slope"] == pytest.approx(checkpointed["predicted slope"], rel=0.1)
    assert fits["forward megabytes against T"]["deviation %"] < 5


def test_page_and_terminal_tell_the_fits(out):
    content = read_json(out / "costs.json")
    content["fits"]["reverse seconds against m"]["deviation %"] = 12.34
    assert "12.3 % at most from the median" in terminal(content)
    assert "| reverse seconds against m | flat | 12.3 % at most from the median |" in page(content)
    assert len(panels(content).axes) == 2


def test_a_busy_machine_is_told(out):
    content = read_json(out / "costs.json")
    for load, told in ((3.2, True), (0.1, False), (None, False)):
        content["made with"]["load before"] = load
        assert ("Beware: 3.2 programs" in page(content)) is told
        assert ("Beware: 3.2 programs" in terminal(content)) is told


def test_the_algorithms_that_are_timed_agree():
    case = timed_case(SMALL, 3)
    answers = {name: run() for name, run in runs(case).items()}
    assert list(answers) == list(ALGORITHMS)
    l2 = answers["reverse"]["l2"]
    assert l2.shape == (3,)
    assert np.abs(l2).min() > 0
    for g in answers.values():
        np.testing.assert_allclose(g["l2"], l2, rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rounds", "0"], "rounds: expected at least 1, found 0"),
        (["--seed", "-1"], "seed: expected at least 0, found -1"),
    ],
)
def test_options_out_of_range_are_refused(tmp_path, capsys, arguments, message):
    assert main(["costs", "--small", "--out", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# --- fits ---


def test_a_line_is_found_and_noise_is_told():
    assert line([1, 2, 5], [5, 7, 13]) == pytest.approx({"intercept": 3, "slope": 2, "R2": 1})
    assert line([1, 2, 3, 4], [1, -1, 1, -1])["R2"] < 0.5


def test_deviation_is_in_per_cent_of_the_median():
    assert deviation([2.0, 2.0, 2.0]) == 0
    assert deviation([1.0, 2.0, 2.2]) == pytest.approx(50)


def test_columns_that_take_no_time_by_the_clock_have_an_exponent_too():
    assert np.isfinite(exponent_of_columns([1, 2, 4], [5.0, 4.0, 6.0]))
    assert exponent_of_columns([1, 2, 3, 5], [9.0, 10.0, 13.0, 25.0]) == pytest.approx(2)


def test_fits_of_known_costs_are_the_prediction():
    m = [1, 2, 4, 8]
    time = time_fits({"x": m, "forward": [2 + 3 * x for x in m], "reverse": [5] * 4,
                      "checkpointed": [7, 7, 7, 7.7]})  # fmt: skip
    assert time["forward seconds against m"]["R2"] == pytest.approx(1)
    assert time["forward seconds against m"]["slope"] == pytest.approx(3)
    assert time["forward seconds against m"]["exponent of the columns"] == pytest.approx(1)
    assert time["forward seconds against m"]["exponent"] < 0.95
    assert time["reverse seconds against m"]["deviation %"] == 0
    assert time["checkpointed seconds against m"]["deviation %"] == pytest.approx(10)
    curves = [
        {
            "T": T,
            "x": [10, 20],
            "forward": [1, 2],
            "reverse": [24e-6 * T * p + 7e-3 * T + 3 * p + 1 for p in (10, 20)],
            "checkpointed": [5e-6 * T**0.5 * p + 2 for p in (10, 20)],
        }
        for T in (4, 16, 64)
    ]
    memory = memory_fits(curves, {"state": 16, "linearised step": 24})
    assert memory["reverse bytes against T p"]["slope"] == pytest.approx(24)
    assert memory["reverse bytes against T p"]["beside"] == pytest.approx(7000)
    assert memory["reverse bytes against T p"]["predicted slope"] == 24
    assert memory["checkpointed bytes against √T p"]["slope"] == pytest.approx(5)
    assert memory["checkpointed bytes against √T p"]["predicted slope"] == 40
    assert memory["forward megabytes against T"]["deviation %"] == 0


# --- claims ---


@pytest.mark.parametrize(
    ("fit", "key", "wrong"),
    [
        ("forward seconds against m", "R2", 0.98),
        ("forward seconds against m", "exponent", 0.89),
        ("forward seconds against m", "exponent of the columns", 1.11),
        ("reverse seconds against m", "deviation %", 15.1),
        ("reverse bytes against T p", "slope", 26.5),
        ("reverse bytes against T p", "slope", 21.5),
        ("reverse bytes against T p", "R2", 0.9),
        ("forward megabytes against T", "deviation %", 5.1),
        ("checkpointed bytes against √T p", "slope", 16),
    ],
)
def test_each_claim_can_be_false(fit, key, wrong):
    assert all(rule(FINE).agrees for rule in RULES["costs"])
    other = {"fits": {**FINE["fits"], fit: {**FINE["fits"][fit], key: wrong}}}
    assert [rule(other).agrees for rule in RULES["costs"]].count(False) == 1
