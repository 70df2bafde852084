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
    assert found["RS", 3]["seconds"] >= setting.budget * found["RTHO", 3]["seconds"]
    assert found["RS", 3]["search"]


def test_what_the_key_leaves_out_changes_nothing(phones, setting):
    before = without_seconds(swept(phones, setting))
    matters = {
        "Vanilla": {"eta", "mu", "patience", "better"},
        "RTHO": {"eta", "mu", "outer_rate"},
        "RTHO-NT": {"outer_rate"},
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
    assert needs == {("RS", 0): ("RTHO", 0), ("RS", 1): ("RTHO", 1)}
    with pytest.raises(ValueError, match="RS: expected the result of RTHO, found none"):
        run(phones, tasks[3], None)


def test_the_table_over_seeds(phones, setting, tmp_path):
    found = swept(phones, setting, (3, 4))
    made, table = finish(found, phones, setting, tmp_path, {"wall seconds": 1.0})
    assert [path.name for path in made] == [f"phones-seeds.{k}" for k in ("json", "md", "png")]
    content = read_json(made[0])
    for row in content["rows"]:
        each = [found[row["method"], seed]["test accuracy"] for seed in (3, 4)]
        assert row["each"]["test accuracy"] == each
        assert row["test accuracy"] == pytest.approx(sum(each) / 2)
    assert [line.split()[0] for line in table.splitlines()[1:]] == [m.name for m in methods(None)]
