"""Table 2 and Figure 2 in seconds: numbers, files, interruptions, claims."""

import copy

import numpy as np
import pytest
import scipy.stats

from paper_repro.claim import judge
from paper_repro.digest import digest
from paper_repro.interval import interval
from paper_repro.record import read_json
from paper_repro.task_interactions import compute as module
from paper_repro.task_interactions.claims import RULES, TABLE_2
from paper_repro.task_interactions.compute import compute
from paper_repro.task_interactions.draw import course, draw, table_rows, terminal
from paper_repro.task_interactions.methods import learn
from paper_repro.task_interactions.splits import split

METHODS = ["SLT", "NMTL", "HMTL", "HMTL-S"]


def timeless(path):
    """A result without what differs between two runs of the same numbers."""
    content = read_json(path)
    return {k: v for k, v in content.items() if k not in ("wall seconds", "resumed")}


def test_rows_sum_up_the_splits(results, setting):
    content = read_json(results["table2"])
    assert [row["method"] for row in content["rows"]] == METHODS
    assert len(content["splits"]) == setting.seeds
    for row in content["rows"]:
        test = np.array([found[row["method"]]["test"] for found in content["splits"]])
        single = np.array([found["SLT"]["test"] for found in content["splits"]])
        assert row["test accuracy"] == pytest.approx(test.mean())
        assert row["deviation"] == pytest.approx(test.std(ddof=1))
        assert row["gain over SLT"] == pytest.approx((test - single).mean())
        low, high = row["95 % interval"]
        assert low <= row["gain over SLT"] <= high
    assert content["rows"][0]["95 % interval"] == [0, 0]


def test_the_interval_is_students(results):
    rng = np.random.default_rng(0)
    for n in (2, 5, 30):
        x = rng.normal(0.3, 2, n)
        mean, half = interval(x)
        known = scipy.stats.ttest_1samp(x, 0).confidence_interval(0.95)
        np.testing.assert_allclose([mean - half, mean + half], known, rtol=1e-10)


def test_relations_are_means_over_the_splits(results, setting):
    figure, table = read_json(results["figure2"]), read_json(results["table2"])
    assert list(figure["C"]) == list(figure["related"]) == ["HMTL", "HMTL-S"]
    for name, C in figure["C"].items():
        each = np.array([found[name]["C"] for found in table["splits"]])
        np.testing.assert_allclose(C, each.mean(axis=0))
        np.testing.assert_allclose(figure["related"][name], (each > 0).mean(axis=0))


def test_the_outer_loops_are_means_of_those_of_the_splits(results, setting, tasks):
    errors = read_json(results["errors"])["E_val"]
    assert list(errors) == METHODS
    for name, path in errors.items():
        each = [learn(name, split(tasks, setting, k), setting).path for k in range(setting.seeds)]
        assert len(path) == setting.hyper_iterations + 1
        np.testing.assert_allclose(path, np.mean(each, axis=0), rtol=1e-6)
        assert path[-1] < path[0]
    assert "path" not in read_json(results["table2"])["splits"][0]["SLT"]


@pytest.mark.parametrize(("end", "told"), [(0.4, "does not get below HMTL"), (0.6, "has not conv")])
def test_the_course_says_which_is_lower(results, end, told):
    content = read_json(results["errors"])
    content["E_val"]["HMTL"][-1], content["E_val"]["HMTL-S"][-1] = end, 0.5
    figure = course(content)
    assert told in figure.get_suptitle()
    styles = {(line.get_linestyle(), line.get_color()) for line in figure.axes[0].get_lines()}
    assert len(styles) == len(METHODS)


def test_pictures_are_the_first_of_each_class(results, tasks):
    figure = read_json(results["figure2"])
    assert figure["side"] == 5
    shown = [bytes.fromhex(one) for one in figure["pictures"]]
    assert shown == [one.tobytes() for one in tasks.pictures[:, 0]]


def test_results_say_what_they_were_made_of(results, setting, tasks):
    for path in results.values():
        about = read_json(path)
        assert about["data"]["source"] == "made-up tasks"
        assert about["data"]["sha256"] == digest(tasks)
        assert about["data"]["classes"] == ["apple", "pear", "tram", "bus"]
        assert about["setting"]["T"] == setting.T
        assert {"hgref", "numpy", "python", "cores"} <= set(about["made with"])
        assert about["resumed"] is False
        assert about["wall seconds"] > 0


def test_the_table_and_the_graph_stand_beside_their_numbers(results):
    made = draw(results)
    assert sorted(path.name for path in made) == [
        "task-interactions-errors.png",
        "task-interactions-figure2.pdf",
        "task-interactions-figure2.png",
        "task-interactions-table2.md",
    ]
    magic = {".png": b"\x89PNG", ".pdf": b"%PDF", ".md": b"| method | test accuracy"}
    before = [path.read_bytes() for path in made]
    for path, content in zip(made, before, strict=True):
        assert content.startswith(magic[path.suffix])
    draw(results)
    assert [path.read_bytes() for path in made] == before
    assert len(before[[path.suffix for path in made].index(".md")].splitlines()) == 9


def test_the_terminal_shows_the_table(results):
    content = read_json(results["table2"])
    lines = terminal(content).splitlines()
    assert [line.split()[0] for line in lines] == ["method", *METHODS]
    cells = table_rows(content)[1]
    assert cells[2:4] == ["", ""]  # no gain of SLT over itself


@pytest.mark.parametrize("stop_at", [1, 4, 6, 12])
def test_an_interrupted_run_goes_on_to_the_same_numbers(
    tasks, setting, results, tmp_path, new_bar, monkeypatch, stop_at
):
    with pytest.raises(KeyboardInterrupt):
        compute(tasks, setting, tmp_path, new_bar(stop_at))
    assert not list(tmp_path.glob("*.json"))
    asked = []
    real = module.learn
    monkeypatch.setattr(module, "learn", lambda *a: asked.append(a) or real(*a))
    bar = new_bar()
    paths = compute(tasks, setting, tmp_path, bar)
    assert bar.ticks == 4 * setting.seeds
    assert len(asked) == 4 * setting.seeds - stop_at
    for name, path in paths.items():
        assert_same(timeless(path), timeless(results[name]))
        assert read_json(path)["resumed"] is True
    assert not list(tmp_path.glob(".partial/*"))


def assert_same(found, expected):
    """The same to rounding: what is computed anew may differ in the last place."""
    assert type(found) is type(expected)
    if isinstance(found, dict):
        assert list(found) == list(expected)
        for key in found:
            assert_same(found[key], expected[key])
    elif isinstance(found, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert found == (pytest.approx(expected) if isinstance(found, float) else expected)


def test_another_setting_does_not_go_on_from_this_one(tasks, setting, tmp_path, new_bar):
    with pytest.raises(KeyboardInterrupt):
        compute(tasks, setting, tmp_path, new_bar(2))
    paths = compute(tasks, setting.changed(seed=1, seeds=2), tmp_path, new_bar())
    assert read_json(paths["table2"])["resumed"] is False
    assert len(list(tmp_path.glob(".partial/*"))) == 1


def test_phones_stand_beside_pictures_and_not_in_their_place(
    tasks, setting, results, tmp_path, new_bar
):
    quick = setting.changed(source="phones", seeds=2, T=2, hyper_iterations=1)
    paths = compute(tasks, quick, tmp_path, new_bar())
    assert [path.name for path in paths.values()] == [
        "task-interactions-phones-table2.json",
        "task-interactions-phones-figure2.json",
        "task-interactions-phones-errors.json",
    ]
    assert not {path.name for path in paths.values()} & {p.name for p in results.values()}
    stems = {path.stem for path in (paths["table2"], results["table2"])}
    others = {f"task-interactions-{name}-table2" for name in ("authors", "converged")}
    assert stems | others == set(RULES)


# --- claims ---


def content_of(SLT, NMTL, HMTL, HMTL_S, lower=0.1, noise=0.1):
    """Splits on which every claim of the paper holds, or not."""
    accuracy = dict(zip(METHODS, (SLT, NMTL, HMTL, HMTL_S), strict=True))
    error = {"HMTL": 0.7, "HMTL-S": 0.7 + lower}
    splits = [
        {
            name: {
                "test": a + noise * (-1) ** k * list(METHODS).index(name),
                "error": error.get(name, 1.0),
            }
            for name, a in accuracy.items()
        }
        for k in range(10)
    ]
    return {"splits": splits, "setting": {}}


FINE = (67.0, 68.0, 69.0, 69.5)


@pytest.mark.parametrize("stem", RULES)
@pytest.mark.parametrize(
    ("wrong", "false"),
    [
        ((68.5, 67.5, 68.0, 68.6), 2),  # worse than the worst: NMTL is too
        ((68.4, 68.0, 69.0, 69.5), 1),
        ((67.0, 69.5, 69.0, 69.6), 1),
        ((67.0, 68.0, 69.0, 68.7), 1),
        ((67.0, 68.0, 69.0, 69.5, -0.1), 1),
    ],
)
def test_each_claim_can_be_false(stem, wrong, false):
    assert all(rule(content_of(*FINE)).agrees for rule in RULES[stem])
    verdicts = [rule(content_of(*wrong)).agrees for rule in RULES[stem]]
    lower = len(wrong) == 5  # a claim that the authors' protocol does not make
    assert verdicts.count(False) == (0 if lower and len(verdicts) == 4 else false)
    noisy = [rule(content_of(*FINE, noise=9.0)).agrees for rule in RULES[stem]]
    assert noisy == ([None] * 4 + [True])[: len(noisy)]


def test_a_claim_tells_the_protocol():
    rules = RULES["task-interactions-authors-table2"]
    assert rules == TABLE_2[:4]
    found = rules[0]({**content_of(*FINE), "setting": {"authors": True}}).found
    assert found.endswith("10 splits, authors' protocol")
    assert rules[0](content_of(*FINE)).found.endswith("10 splits")


def test_claims_about_a_result_can_be_judged_and_about_a_broken_one_not(results):
    content = read_json(results["table2"])
    for rule in RULES["task-interactions-table2"]:
        assert "not to be judged" not in judge(rule, content).found
        broken = copy.deepcopy(content)
        for one in broken["splits"]:
            del one["HMTL"], one["NMTL"]
        assert "not to be judged: KeyError" in judge(rule, broken).found
