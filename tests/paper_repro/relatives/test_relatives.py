"""`python -m paper_repro relatives`: the numbers that are left, the pictures, the claims."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

import hgref
from hgref.verify.witness import central_differences
from paper_repro.__main__ import main
from paper_repro.record import read_json
from paper_repro.relatives.claims import RULES
from paper_repro.relatives.compute import witnessed
from paper_repro.relatives.draw import draw, panels
from paper_repro.relatives.draw_limit import two_ways
from paper_repro.relatives.limit import distances, fitted_rate
from paper_repro.relatives.model import momentum, training
from paper_repro.relatives.setting import SMALL
from paper_repro.relatives.table import page, terminal

FIGURES = Path(__file__).parents[3] / "figures"


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """What `relatives --small` leaves."""
    folder = tmp_path_factory.mktemp("figures")
    assert main(["relatives", "--small", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def content(out):
    return read_json(out / "relatives.json")


@pytest.fixture
def limit(out):
    return read_json(out / "relatives-limit.json")


def rows_of(content, family):
    return [row for row in content["rows"] if row["family"] == family]


def test_five_files_are_left_and_all_claims_hold(out, content, limit):
    names = ["relatives-limit.json", "relatives-limit.png", "relatives.json", "relatives.md"]
    assert sorted(path.name for path in out.iterdir()) == [*names, "relatives.png"]
    assert {"data", "setting", "made with", "wall seconds"} <= set(content) & set(limit)
    claims = [rule(one) for one in (content, limit) for rule in RULES[one["experiment"]]]
    assert [claim.text for claim in claims if not claim.agrees] == []


def test_pictures_and_table_are_made_of_the_json_alone(out):
    before = {path: path.read_bytes() for path in out.iterdir()}
    made = draw({name: out / f"{name}.json" for name in ("relatives", "relatives-limit")})
    assert len(made) == 3
    assert all(path.read_bytes() == before[path] for path in made)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in made if path.suffix == ".png")


def test_the_truth_is_the_slope_of_f(content):
    """By central differences, which share nothing with the complex step but f."""
    problem, lam = momentum(SMALL, training(SMALL), SMALL.eta, SMALL.T)
    truth = witnessed(problem, lam, lambda: None)
    slopes, _ = central_differences(problem.f, lam, levels=6)
    np.testing.assert_allclose(truth, slopes, rtol=1e-6, atol=1e-9)
    assert content["truth"]["norms"]["all"] == np.linalg.norm(truth)
    assert content["truth"]["norms"]["l2"] == abs(truth[-1])


def test_work_is_what_the_docstrings_cost_it(content):
    T, m = SMALL.T, content["problem"]["m"]
    work = {row["method"]: (row["gradients"], row["products with H"], row["products with M"])
            for row in content["rows"]}  # fmt: skip
    assert work["forward"] == (T, m * T, m * T)
    assert work["reverse"] == (T, T, T)
    assert work["reversible"] == (3 * T, T, T)
    for row in rows_of(content, "truncated"):
        K = int(row["label"])
        assert work[row["method"]] == (T, K, K)
    gradients, H, M = work["implicit, cg"]
    assert (gradients, M) == (T + 1, 1)  # that of the residual; q M, which brings a q H along
    problem, lam = momentum(SMALL, training(SMALL), SMALL.eta, T)
    assert hgref.implicit(problem, lam, tol=SMALL.tol).products + 1 == H


def test_memory_falls_from_all_linearised_steps_to_few_states(content):
    peaks = {row["method"]: row["peak bytes"] for row in content["rows"]}
    state, step = (content["problem"][f"bytes of a {x}"] for x in ("state", "linearised step"))
    assert state == 8 * 2 * 100
    assert step == 8 * (3 * 100 + 5 * 5)  # v, w, g, and 5 probabilities of each of 5 examples
    objects = 6_000  # Python's own, of one step: closures, mappings, array headers
    assert SMALL.T * step < peaks["reverse"] < SMALL.T * (step + objects)
    assert peaks["implicit, cg"] < peaks["checkpointed, slots = 3"] < peaks["reverse"] / 3
    extra = peaks["checkpointed, slots = 10"] - peaks["checkpointed, slots = 3"]
    assert extra == pytest.approx(7 * state, rel=0.2)


def test_truncation_drops_what_it_was_told(content):
    steps = content["K that drops at most a share"]
    errors = {row["label"]: row["error"]["all"] for row in rows_of(content, "truncated")}
    for share, K in steps.items():
        assert errors[str(K)] <= float(share)


def test_the_implicit_gradient_has_nothing_for_the_rates(content):
    for row in rows_of(content, "implicit"):
        assert (row["error"]["eta"], row["error"]["mu"]) == (1, 1)


def test_page_and_terminal_tell_the_numbers(content):
    back = content["reversible"]
    back["bits"], back["checksums that agreed"] = 0.12345, 77
    content["made with"]["load before"] = 3.2
    for text in (page(content), terminal(content)):
        assert "0.1235 bits" in text
        assert "77 checksums" in text
        assert "Beware: 3.2 programs" in text
    assert page(content).count("\n| ") == 2 + len(content["rows"])


# --- the limit ---


def test_a_rate_is_found_in_the_later_half():
    T = [10, 20, 30, 40, 50, 60]
    late = [9, 8, 7, *(3 * 0.9**t for t in T[3:])]
    assert fitted_rate(T, np.array(late)) == pytest.approx(0.9, rel=1e-12)


def test_distances_to_the_limit_count_all_of_the_rates():
    """The limit has no share in η and μ: all that reverse has there is distance."""
    problem, lam = momentum(SMALL, training(SMALL), SMALL.eta, 20)
    reverse, implicit = hgref.reverse(problem, lam), hgref.implicit(problem, lam)
    blocks = {"weights": reverse["weights"], "l2": reverse["l2"] + 2}
    between, from_limit, _ = distances(reverse, implicit, blocks)
    assert between == np.linalg.norm(reverse.grad - implicit.grad)
    assert from_limit == pytest.approx(math.hypot(reverse["eta"], reverse["mu"], 2))


def test_curves_have_a_number_at_each_length(limit):
    for curve, longest in zip(limit["curves"], (SMALL.gd_T, SMALL.momentum_T), strict=True):
        assert curve["T"] == [longest * j // 6 for j in range(1, 7)]
        for name in ("reverse to implicit", "reverse to limit", "implicit to limit"):
            assert len(curve[name]) == 6
            assert min(curve[name]) > 0
    assert limit["curves"][0]["rate"] == pytest.approx(1 - SMALL.gd_eta * SMALL.l2)
    assert limit["limit"]["residual"] < 1e-12


# --- pictures ---


@pytest.mark.parametrize(("stem", "drawn"), [("relatives", panels), ("relatives-limit", two_ways)])
def test_labels_do_not_overlap(stem, drawn):
    """In the picture of the default sizes."""
    figure = drawn(read_json(FIGURES / f"{stem}.json"))
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
        assert [(a, b) for a, b in itertools.combinations(boxes, 2) if a.overlaps(b)] == []
        inside = axes.get_window_extent()
        assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 for box in boxes)
        assert all(inside.y0 <= box.y0 and box.y1 <= inside.y1 for box in boxes)


def test_both_panels_share_the_memory_and_tell_each_method(content):
    above, below = panels(content).axes
    assert above.get_xlim() == below.get_xlim()
    told = " ".join(text.get_text() for text in below.texts)
    assert "3 slots" in told
    assert "implicit, fixed_point" in told
    assert len(below.texts) == len(content["rows"])


# --- claims ---


def changed(content, path, value):
    content = json.loads(json.dumps(content))
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("rows", 0, "error", "all"), 2e-11),
        (("rows", 5, "error", "all"), 2e-11),
        (("rows", -1, "error", "all"), 1e-7),
        (("rows", 3, "steps"), 10_000),
        (("rows", 4, "fewest steps"), 10_000),
        (("reversible", "distance to reverse"), 2e-12),
        (("reversible", "checksums that agreed"), 0),
        (("reversible", "stored / kept"), 99),
        (("reversible", "bits"), 0.25),
        (("reversible", "least bits"), 0.3),
    ],
)
def test_each_claim_about_the_table_can_be_false(content, path, wrong):
    assert all(rule(content).agrees for rule in RULES["relatives"])
    other = changed(content, path, wrong)
    assert [rule(other).agrees for rule in RULES["relatives"]].count(False) == 1


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("curves", 0, "reverse to limit", -1), 1e-2),
        (("curves", 1, "fitted", "reverse to implicit"), 0.999),
        (("curves", 0, "fitted", "implicit to limit"), 0.8),
    ],
)
def test_each_claim_about_the_limit_can_be_false(limit, path, wrong):
    assert all(rule(limit).agrees for rule in RULES["relatives-limit"])
    other = changed(limit, path, wrong)
    assert [rule(other).agrees for rule in RULES["relatives-limit"]].count(False) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--T", "1"], "T: expected at least 2, found 1"),
        (["--rounds", "0"], "rounds: expected at least 1, found 0"),
        (["--seed", "-1"], "seed: expected at least 0, found -1"),
    ],
)
def test_options_out_of_range_are_refused(tmp_path, capsys, arguments, message):
    assert main(["relatives", "--small", "--out", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
