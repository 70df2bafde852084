"""A Dask cluster of two processes of this machine: the same table, also where one is killed."""

import os
import signal

import made_up
import pytest

from paper_repro.sweep import workers
from paper_repro.sweep.engine import TaskFailed
from paper_repro.sweep.workers import cluster

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def two():
    """The address of a scheduler with two workers, each a process that is started again."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as started:
        yield started.scheduler_address


def test_the_table_is_the_undisturbed_one(two, setting, undisturbed, tmp_path, log):
    assert made_up.swept(made_up.sweep(setting, tmp_path, cluster(two))) == undisturbed
    assert len(made_up.runs(log)) == 16
    assert made_up.swept(made_up.sweep(setting, tmp_path, cluster(two))) == undisturbed
    assert len(made_up.runs(log)) == 16


def test_a_worker_killed_in_the_middle_changes_nothing(two, setting, undisturbed, tmp_path, log):
    todo = made_up.sweep(setting.changed(pause=0.02), tmp_path, cluster(two))
    for j, _ in enumerate(todo.as_completed()):
        if j == 5:
            pids = {int(path.name.split("_")[2]) for path in log.iterdir()}
            os.kill(min(pids), signal.SIGKILL)
    assert made_up.table(todo) == undisturbed
    assert 16 <= len(made_up.runs(log)) <= 20


def test_an_error_on_a_worker_names_its_task(two, setting, tmp_path):
    with pytest.raises(TaskFailed, match="made-up: plain, seed 1: ValueError: a bad number"):
        made_up.swept(made_up.sweep(setting.changed(bad="plain 1"), tmp_path, cluster(two)))


def test_where_nobody_answers_is_told(setting, tmp_path, monkeypatch):
    address = "tcp://127.0.0.1:1"
    monkeypatch.setattr(workers, "ANSWERS_WITHIN", 0.3)
    with pytest.raises(ConnectionError, match="scheduler: expected a Dask scheduler") as found:
        made_up.swept(made_up.sweep(setting, tmp_path, cluster(address)))
    assert address in str(found.value)


def test_a_cluster_without_workers_is_told(setting, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "ANSWERS_WITHIN", 0.3)
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty:
        start = cluster(empty.scheduler_address)
        with pytest.raises(ConnectionError, match="expected workers at .* found none within 0.3"):
            made_up.swept(made_up.sweep(setting, tmp_path, start))
