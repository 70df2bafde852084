"""Means over seeds, paired differences, their table and their figure."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from paper_repro.claim import judge
from paper_repro.hyper_cleaning.claims import RULES as CLEANING
from paper_repro.phones.claims import ABLATIONS, ORDERS
from paper_repro.phones.claims import RULES as PHONES
from paper_repro.preset import Preset
from paper_repro.record import read_json
from paper_repro.sweep.draw import draw, figure, message, page, table_rows, terminal
from paper_repro.sweep.over_seeds import Compared, compute

WHAT = Compared("made-up", "Baseline", "test accuracy", ("F1",))
METHODS = ("Oracle", "Baseline", "DH-300")
ABOUT = {"source": "made-up data", "sha256": "0" * 64}


def content_of(folder, x, what=WHAT, methods=METHODS):
    """x (seeds, methods) accuracies."""
    found = {
        (method, 5 + j): {"test accuracy": a, "F1": a / 100 if method == "DH-300" else None}
        for j, row in enumerate(x)
        for method, a in zip(methods, row, strict=True)
    }
    return compute(what, found, ABOUT, Preset(), folder, {"wall seconds": 1.0})


@pytest.fixture
def path(tmp_path):
    rng = np.random.default_rng(0)
    return content_of(tmp_path, rng.normal([90, 85, 89], 1, (7, 3)) + rng.normal(0, 2, (7, 1)))


def test_means_and_intervals_are_those_of_scipy(path):
    rows = read_json(path)["rows"]
    assert read_json(path)["data"] == ABOUT
    assert [row["method"] for row in rows] == list(METHODS)
    each = {row["method"]: np.array(row["each"]["test accuracy"]) for row in rows}
    for row in rows:
        x = each[row["method"]]
        assert row["test accuracy"] == pytest.approx(x.mean())
        assert row["standard error"] == pytest.approx(scipy.stats.sem(x))
        assert row["seeds"] == len(x) == 7
        of_mean = scipy.stats.ttest_1samp(x, 0).confidence_interval(0.95)
        assert row["95 % interval of the mean"] == pytest.approx(list(of_mean))
        if row["method"] != "Baseline":
            paired = scipy.stats.ttest_rel(x, each["Baseline"]).confidence_interval(0.95)
            assert row["95 % interval"] == pytest.approx(list(paired))
            assert row["gain"] == pytest.approx(sum(paired) / 2)
    assert rows[1]["gain"] == 0
    assert (rows[0]["F1"], rows[2]["F1"]) == (None, pytest.approx(each["DH-300"].mean() / 100))


def test_the_table_the_terminal_and_the_figure_tell_the_same(path):
    content = read_json(path)
    made = draw(path)
    assert [one.name for one in made] == ["made-up-seeds.md", "made-up-seeds.png"]
    assert made[1].read_bytes().startswith(b"\x89PNG")
    before = [one.read_bytes() for one in made]
    draw(path)
    assert [one.read_bytes() for one in made] == before
    rows = table_rows(content)
    assert {len(row) for row in rows} == {6}
    assert rows[2][3:5] == ["", ""]
    printed = [line.split() for line in terminal(content).splitlines()[1:]]
    marked = [line.strip("|").replace("|", " ").split() for line in page(content).splitlines()[4:7]]
    assert printed == marked
    assert "seeds 5 … 11" in page(content)
    ax = figure(content).axes[0]
    labels = [label.get_text() for label in ax.get_xticklabels()]
    gain, half = (content["rows"][2][key] for key in ("gain", "95 % interval"))
    assert labels[:2] == ["Baseline\nreference", f"DH-300\n{gain:+.2f} ± {half[1] - gain:.2f}"]
    assert labels[2].startswith("Oracle\n")  # from the reference on
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [len(line.get_ydata()) for line in dots] == [7, 7, 7]


def test_the_title_counts_what_the_intervals_say():
    ends = {
        "Baseline": (0.0, 0.0),
        "a": (0.1, 0.3),
        "b": (-0.2, 0.1),
        "c": (-3.0, -1.0),
        "d": (1, 2),
    }
    rows = [{"method": name, "95 % interval": list(two)} for name, two in ends.items()]
    found = message({"rows": rows, "reference": "Baseline", "seeds": list(range(7))})
    assert found == "Of 4 methods 2 gain over Baseline, 1 lose, 1 undecided, over 7 seeds"


@given(x=st.lists(st.lists(st.floats(0, 100), min_size=3, max_size=3), min_size=2, max_size=4))
def test_any_accuracies_make_a_table(tmp_path_factory, x):
    content = read_json(content_of(tmp_path_factory.mktemp("t"), x))
    for row in content["rows"]:
        low, high = row["95 % interval"]
        assert low <= row["gain"] <= high
    assert len(table_rows(content)) == 4


# --- claims ---


def test_claims_of_table_1_are_judged_on_means(tmp_path):
    fine = np.array([[90.0, 85.0, 89.5], [91.0, 86.0, 95.0], [90.0, 85.0, 86.5]])
    rules = CLEANING["hyper-cleaning-seeds"]
    content = read_json(content_of(tmp_path, fine))
    claims = [judge(rule, content) for rule in rules]
    assert [claim.agrees for claim in claims] == [True, True, True, None, None]  # there is one R
    assert all(claim.text.endswith("; means over 3 seeds") for claim in claims)
    worse = read_json(content_of(tmp_path, fine - [0, 0, 6]))
    assert [judge(rule, worse).agrees for rule in rules] == [False, False, False, None, None]


@pytest.mark.parametrize("number", range(len(ORDERS + ABLATIONS)))
def test_claims_about_phones_want_the_whole_interval(tmp_path, number):
    order = ("Vanilla", "RTHO", "RTHO-NT", "RS", "RTHO, one task", "Vanilla, rates of RTHO")
    rules, orders = PHONES["phones-seeds"], ORDERS + ABLATIONS
    what = Compared("phones", "Vanilla", "test accuracy", ())

    def verdicts(x):
        content = read_json(content_of(tmp_path, x, what, order))
        return [judge(rule, content).agrees for rule in rules]

    fine = np.array([[50.0, 56, 54, 52, 53, 51]] * 3) + np.arange(18).reshape(3, 6) % 5 / 10
    assert verdicts(fine) == [True] * len(orders)
    first, second = (order.index(method) for method in orders[number][:2])
    swapped, noisy = fine.copy(), fine.copy()
    swapped[:, [first, second]] = fine[:, [second, first]]
    noisy[:, first] += [-9, 0, 9]
    assert verdicts(swapped)[number] is False
    assert verdicts(noisy)[number] is None
