"""A seed of a sweep is a run with that seed, and depends on what its key says."""

import pytest

from paper_repro.phones import two_heads
from paper_repro.phones.methods import Losses, real_time, vanilla
from paper_repro.phones.sweep import finish, methods, run
from paper_repro.record import read_json
from paper_repro.sweep.task import tasks_of

OTHER = {"eta": 0.03, "mu": 0.2, "outer_rate": 0.02, "patience": 1, "better": 0.5, "budget": 3.0}


def without_seconds(found):
    """A result without what differs between two runs."""
    if isinstance(found, dict):
        return {k: without_seconds(v) for k, v in found.items() if k != "seconds"}
    return [without_seconds(one) for one in found] if isinstance(found, list) else found


def swept(phones, setting, seeds=(3,)):
    """(method, seed) → result."""
    found = {}
    for task in tasks_of("phones", methods(setting), setting, seeds, phones):
        needed = None if task.needs is None else found[task.needs.method, task.needs.seed]
        found[task.method, task.seed] = run(phones, task, needed)
    return found


def test_a_seed_of_a_sweep_is_a_run_with_that_seed(phones, setting):
    found, seeded = swept(phones, setting), setting.changed(seed=3)
    parts = (two_heads.training, two_heads.validation, two_heads.testing)
    losses = Losses(*(part(phones, seeded) for part in parts), seeded)
    start = {"eta": setting.eta, "mu": setting.mu, "rho": 0.0}
    expected = {
        "Vanilla": vanilla(losses, lambda *_: None),
        "RTHO": real_time(losses, start, lambda *_: None),
        "RTHO-NT": real_time(losses, dict.fromkeys(start, 0.0), lambda *_: None),
    }
    for name, one in expected.items():
        assert without_seconds(found[name, 3]) == without_seconds(one)
    one_task = found["RTHO, one task", 3]["rows"]
    assert {row["rho"] for row in one_task} == {0.0}
    assert one_task[-1]["eta"] != setting.eta
    learnt, fixed = (found[name, 3]["rows"] for name in ("RTHO", "Vanilla, rates of RTHO"))
    for name in ("t", "eta", "mu"):
        assert [row[name] for row in learnt] == [row[name] for row in fixed]
    assert {row["rho"] for row in fixed} == {0.0}
    assert found["RS", 3]["seconds"] >= setting.budget * found["RTHO", 3]["seconds"]
    assert found["RS", 3]["search"]


def test_what_the_key_leaves_out_changes_nothing(phones, setting):
    before = without_seconds(swept(phones, setting))
    matters = {
        "Vanilla": {"eta", "mu", "patience", "better"},
        "RTHO": {"eta", "mu", "outer_rate"},
        "RTHO-NT": {"outer_rate"},
        "RTHO, one task": {"eta", "mu", "outer_rate"},
        "Vanilla, rates of RTHO": {"eta", "mu", "outer_rate"},
    }
    for name, value in OTHER.items():
        after = without_seconds(swept(phones, setting.changed(**{name: value})))
        for method, names in matters.items():
            assert (before[method, 3] == after[method, 3]) == (name not in names), (method, name)
    for method in methods(setting):
        if method.name in matters:
            assert set(OTHER) - method.ignores == matters[method.name]


def test_random_search_wants_the_seconds_of_the_same_seed(phones, setting):
    tasks = tasks_of("phones", methods(setting), setting, (0, 1), phones)
    needs = {(t.method, t.seed): (t.needs.method, t.needs.seed) for t in tasks if t.needs}
    names = ("Vanilla, rates of RTHO", "RS")
    assert needs == {(name, seed): ("RTHO", seed) for name in names for seed in (0, 1)}
    for name in names:
        task = next(task for task in tasks if task.method == name)
        with pytest.raises(ValueError, match=f"{name}: expected the result of RTHO, found none"):
            run(phones, task, None)


def test_the_table_over_seeds(phones, setting, tmp_path):
    found = swept(phones, setting, (3, 4))
    made, table = finish(found, phones, setting, tmp_path, {"wall seconds": 1.0})
    assert [path.name for path in made] == [f"phones-seeds.{k}" for k in ("json", "md", "png")]
    content = read_json(made[0])
    for row in content["rows"]:
        each = [found[row["method"], seed]["test accuracy"] for seed in (3, 4)]
        assert row["each"]["test accuracy"] == each
        assert row["test accuracy"] == pytest.approx(sum(each) / 2)
    for line, method in zip(table.splitlines()[1:], methods(None), strict=True):
        assert line.startswith(f"{method.name}  ")
