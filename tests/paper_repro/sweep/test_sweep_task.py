"""Keys: what a result depends on changes them, and nothing else does."""

import dataclasses
import json

import made_up
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repro import digest as module
from paper_repro.digest import digest, program
from paper_repro.experiments import FIGURES
from paper_repro.sweep import task as tasks_module
from paper_repro.sweep.task import ELSEWHERE, carry_out, tasks_of

SWEPT = {name: one for name, one in FIGURES.items() if one.sweep is not None}


def keys(setting, seeds=2, data=made_up.DATA):
    return {(t.method, t.seed): t.key for t in made_up.tasks(setting, seeds, data)}


def test_more_seeds_and_other_R_leave_the_keys_as_they_are(setting):
    before = keys(setting)
    assert len(set(before.values())) == 8
    assert before.items() < keys(setting, 5).items()
    assert before.items() < keys(setting.changed(R=(1.0, 2.0, 3.0), seeds=9)).items()
    assert before == keys(setting.changed(R=(1, 3)))


def test_what_matters_to_a_method_changes_its_keys_alone(setting):
    before, after = keys(setting), keys(setting.changed(scale=2.5))
    same = {method for method, seed in before if before[method, seed] == after[method, seed]}
    assert same == {"plain"}
    assert keys(setting.changed(log="elsewhere", pause=1.0)) == before


@pytest.mark.parametrize(
    "data",
    [
        made_up.DATA._replace(name="other"),
        made_up.DATA._replace(X=made_up.DATA.X + 1e-16),
        made_up.DATA._replace(X=made_up.DATA.X.T),
        made_up.DATA._replace(X=made_up.DATA.X.astype(np.float32)),
    ],
)
def test_other_data_are_another_key(setting, data):
    assert not set(keys(setting).values()) & set(keys(setting, data=data).values())


def test_seed_and_R_are_in_the_key_and_not_in_names_alone(setting):
    def key(seed, R):
        (task,) = tasks_of("e", [made_up.Method("m", R=R)], setting, [seed], made_up.DATA)
        return task.key

    assert len({key(seed, R) for seed in range(3) for R in (None, 1.0, 3.0)}) == 9


def test_another_program_or_needed_result_is_another_key(setting, monkeypatch):
    *_, after = made_up.tasks(setting, 1)
    assert after.needs.method == "plain"
    assert after.configuration["needs"] == after.needs.key
    before = keys(setting)
    monkeypatch.setattr(tasks_module, "program", lambda: "0" * 64)
    assert not set(before.values()) & set(keys(setting).values())


def test_the_key_is_that_of_all_that_stands_in_the_file(setting):
    for task in made_up.tasks(setting):
        assert json.loads(json.dumps(task.configuration)) == task.configuration
        assert task.file.name == f"{task.method}-seed-{task.seed}-{task.key[:12]}.json"
        assert set(task.configuration["setting"]) == {"scale"} - {
            name for method in made_up.methods(setting) if method.name == task.method
            for name in method.ignores
        }  # fmt: skip


# --- digests ---

things = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(one=things, other=things)
def test_digests_are_the_same_for_the_same_things_alone(one, other):
    assert (digest(one) == digest(other)) == (repr(one) == repr(other))


def test_arrays_are_told_by_all_that_they_are():
    X = np.arange(4.0)
    found = [X, X.reshape(2, 2), X.astype(">f8"), X.astype(int), X[::-1], -X, X[:3], X.tolist()]
    assert len({digest(one) for one in found}) == len(found)
    assert digest(X[::2]) == digest(np.array([0.0, 2.0]))
    assert digest(np.zeros((0, 3))) != digest(np.zeros((3, 0)))


@pytest.mark.parametrize("thing", [{(1,): 2}, object(), np.array([None]), 1j])
def test_what_has_no_digest_is_refused(thing):
    with pytest.raises(
        TypeError, match="expected arrays, numbers and texts, found|keys must be str"
    ):
        digest([1, thing])


def test_the_program_is_every_source(tmp_path, monkeypatch):
    packages = []
    for name in ("a", "b"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "inner" / "x.py").write_text("x = 1\n")
        packages.append(type("P", (), {"__file__": str(tmp_path / name / "__init__.py")}))
    monkeypatch.setattr(module, "PACKAGES", packages)
    found = [program.__wrapped__()]
    (tmp_path / "a" / "inner" / "x.py").write_bytes(b"x = 1\r\n")
    (tmp_path / "a" / "notes.txt").write_text("no source")
    assert program.__wrapped__() == found[0]
    for path, text in (("a/inner/x.py", "x = 2\n"), ("b/inner/y.py", ""), ("b/__init__.py", "#")):
        (tmp_path / path).write_text(text)
        found.append(program.__wrapped__())
    assert len(set(found)) == 4


def test_a_worker_with_another_program_refuses(setting):
    task = made_up.tasks(setting)[0]
    elsewhere = {**task.configuration, "program": "f" * 64}
    alien = dataclasses.replace(task, configuration=elsewhere)
    with pytest.raises(ValueError, match=f"expected .* ffffffffffff.*, found {program()[:12]}"):
        carry_out(made_up.DATA, made_up.run, alien, None)
    assert made_up.runs(setting.log) == []


# --- the paper's experiments ---


@pytest.mark.parametrize("name", SWEPT)
def test_what_is_ignored_is_a_field_and_something_is_left(name):
    command, sweep = SWEPT[name].command, SWEPT[name].sweep
    for setting in command.PRESETS.values():
        fields = {field.name for field in dataclasses.fields(setting)}
        data = type("Data", (tuple,), {"name": "d"})()
        tasks = tasks_of(name, sweep.methods(setting), setting, range(2), data)
        assert len({task.file for task in tasks}) == len({task.key for task in tasks}) == len(tasks)
        assert all(task.configuration["setting"] for task in tasks)
        for method in sweep.methods(setting):
            assert method.ignores <= fields - ELSEWHERE
