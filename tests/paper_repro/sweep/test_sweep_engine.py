"""The engine on executors of this process: what is run, what not, and whose fault an error is."""

import json
import os
import threading
import time
from concurrent.futures import BrokenExecutor, Future
from contextlib import closing, contextmanager, nullcontext

import made_up
import pytest

from hgref.hypergradient.sent_once import REMEMBERED
from paper_repro.record import read_json
from paper_repro.sweep.engine import Sweep, TaskFailed
from paper_repro.sweep.workers import InTurn


def files(folder):
    return sorted((folder / "made-up").iterdir())


def test_every_task_is_run_once_and_has_a_file(setting, undisturbed, tmp_path, log):
    assert made_up.swept(made_up.sweep(setting, tmp_path)) == undisturbed
    assert len(undisturbed) == len(made_up.runs(log)) == len(set(made_up.runs(log))) == 16
    assert len({str(row["value"]) for row in undisturbed.values()}) == 16
    for task in made_up.tasks(setting):
        content = read_json(tmp_path / task.file)
        assert content["task"] == task.configuration
        assert content["result"] == undisturbed[f"{task.method} {task.seed}"]
        assert "numpy" in content["made with"]


def test_what_exists_is_not_run_again(setting, undisturbed, tmp_path, log):
    made_up.swept(made_up.sweep(setting, tmp_path, seeds=2))
    assert len(made_up.runs(log)) == 8
    todo = made_up.sweep(setting, tmp_path)
    assert len(todo.rows) == 8
    assert made_up.swept(todo) == undisturbed
    assert len(made_up.runs(log)) == 16
    before = [path.stat().st_mtime_ns for path in files(tmp_path)]
    assert made_up.swept(made_up.sweep(setting, tmp_path)) == undisturbed
    assert len(made_up.runs(log)) == 16
    assert [path.stat().st_mtime_ns for path in files(tmp_path)] == before


def test_an_interrupted_sweep_keeps_all_that_came_before(setting, undisturbed, tmp_path, log):
    for count in (1, 2, 3):
        before = len(made_up.runs(log))
        with closing(made_up.sweep(setting, tmp_path).as_completed()) as done:
            for _ in range(count):
                next(done)
        assert len(files(tmp_path)) == before + count
    assert made_up.swept(made_up.sweep(setting, tmp_path)) == undisturbed
    assert len(made_up.runs(log)) == 16


def with_text_for_a_number(path):
    content = json.loads(path.read_text())
    content["result"]["value"] = str(content["result"]["value"])
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-40]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff[1]"),
        lambda path: path.write_text("[1]"),
        lambda path: path.write_text("{}"),
        lambda path: path.write_text(path.read_text().replace('"seed": 2', '"seed": 3')),
        lambda path: path.write_text(path.read_text().replace('"result"', '"tluser"')),
        lambda path: path.write_text(path.read_text().replace('"value": ', '"value": 1')),
        lambda path: path.write_text(path.read_text().replace('"sha256"', '"sha"')),
        with_text_for_a_number,
    ],
)
def test_a_damaged_file_is_told_and_made_anew(setting, undisturbed, tmp_path, damage):
    made_up.swept(made_up.sweep(setting, tmp_path))
    (path,) = (tmp_path / "made-up").glob("plain-seed-2-*")
    whole, said = path.read_bytes(), []
    damage(path)
    todo = made_up.sweep(setting, tmp_path, say=said.append)
    assert len(said) == 1
    assert str(path) in said[0]
    assert "expected" in said[0]
    assert said[0].endswith("; it is run again")
    assert made_up.swept(todo) == undisturbed
    assert path.read_bytes() == whole


def test_an_error_names_its_task_and_ends_the_sweep(setting, tmp_path, log):
    with pytest.raises(TaskFailed, match="made-up: times-3, seed 1: ValueError: a bad number"):
        made_up.swept(made_up.sweep(setting.changed(bad="times-3 1"), tmp_path))
    assert len(files(tmp_path)) == 6
    assert len(made_up.runs(log)) == 7


def test_rows_stand_in_the_order_of_the_tasks(setting, undisturbed, tmp_path, monkeypatch):
    monkeypatch.setattr(Dying, "land", Dying.land_backwards)
    todo = made_up.sweep(setting, tmp_path, dying(lambda task, tells: False)[0])
    ended = [(task.method, task.seed) for task in todo.as_completed()]
    expected = [(task.method, task.seed) for task in made_up.tasks(setting)]
    assert sorted(ended) == sorted(expected)
    assert ended != expected
    assert list(todo.rows) == expected


@pytest.mark.parametrize("bad", ["plain 0", "times-1 0"])
def test_a_result_that_comes_with_an_error_is_kept(setting, tmp_path, monkeypatch, bad):
    monkeypatch.setattr(InTurn, "_max_workers", 2)
    with pytest.raises(TaskFailed, match="a bad number"):
        made_up.swept(made_up.sweep(setting.changed(bad=bad), tmp_path))
    assert len(files(tmp_path)) == 1


def test_a_needed_task_has_to_be_among_them(setting, tmp_path):
    tasks = [task for task in made_up.tasks(setting) if task.method != "plain"]
    with pytest.raises(ValueError, match="after, seed 0: expected made-up: plain, seed 0 among"):
        Sweep(tasks, made_up.run, made_up.DATA, tmp_path, InTurn, print)


def test_old_temporary_files_are_cleared_and_new_ones_left(setting, tmp_path):
    made_up.swept(made_up.sweep(setting, tmp_path, seeds=1))
    old, new = (tmp_path / "made-up" / f".x-{name}.json.abc" for name in ("old", "new"))
    for path in (old, new):
        path.write_text("{")
    os.utime(old, (time.time() - 100,) * 2)
    made_up.sweep(setting, tmp_path)
    assert (old.exists(), new.exists()) == (False, True)


# --- workers that die ---


class Dying(InTurn):
    """Two workers, soon done; at submissions that `deaths` picks, all in flight is lost.

    From then on it takes no tasks, like a pool of processes.
    """

    _max_workers = 2

    def __init__(self, deaths, tells):
        self.deaths, self.tells, self.flying, self.lock = deaths, tells, [], threading.Lock()
        self.broken = False

    def submit(self, function, /, name, data, run, arguments):
        if self.broken:
            raise BrokenExecutor("a worker died")
        task, future = arguments[1], Future()
        with self.lock:
            self.tells.append((f"{task.method} {task.seed}", data is not None))
            self.flying.append((future, function, (name, data, run, arguments)))
            self.broken = self.deaths(task, self.tells)
            if self.broken:
                for one, *_ in self.flying:
                    one.set_exception(BrokenExecutor("a worker died"))
                self.flying.clear()
        threading.Timer(0.005, self.land).start()
        return future

    def land_backwards(self):
        """The last submitted ends first, a moment before the other."""
        with self.lock:
            if self.flying:
                one, function, arguments = self.flying.pop()
                one.set_result(function(*arguments))

    def land(self):
        with self.lock:
            for one, function, arguments in self.flying:
                one.set_result(function(*arguments))
            self.flying.clear()


def dying(deaths):
    """Starts executors; and what they were told."""
    tells, started = [], []

    @contextmanager
    def start():
        started.append(Dying(deaths, tells))
        yield started[-1]

    return start, tells, started


@pytest.mark.parametrize("at", [{1}, {2}, {5}, {3, 9}, {15, 16}])
def test_what_was_lost_is_run_again_on_another_executor(setting, undisturbed, tmp_path, at):
    start, tells, started = dying(lambda task, tells: len(tells) in at)
    assert made_up.swept(made_up.sweep(setting, tmp_path, start)) == undisturbed
    assert len(started) == 1 + len(at)
    assert len(files(tmp_path)) == 16
    assert 16 + len(at) <= len(tells) <= 16 + 2 * len(at)


def test_the_task_that_kills_is_named_and_no_other(setting, tmp_path):
    def deadly(task, tells):
        return (task.method, task.seed) == ("times-1", 0)

    start, tells, started = dying(deadly)
    with pytest.raises(TaskFailed, match="made-up: times-1, seed 0: .*died .*, three times"):
        made_up.swept(made_up.sweep(setting, tmp_path, start))
    assert len(started) == 3
    assert tells[-1][0] == "times-1 0"
    assert list((tmp_path / "made-up").glob("plain-seed-0-*"))  # with it in flight at two deaths
    assert ("plain 0", True) in tells


class Lost(InTurn):
    """A cluster of which the scheduler goes away."""

    def submit(self, function, /, *arguments):
        future = super().submit(function, *arguments)
        if arguments[-1][1].seed < 2:
            return future
        lost = Future()
        lost.cancel()
        lost.set_running_or_notify_cancel()
        return lost


def test_a_scheduler_that_is_lost_is_told(setting, tmp_path):
    with pytest.raises(ConnectionError, match="lost while made-up: plain, seed 2 was in flight"):
        made_up.swept(made_up.sweep(setting, tmp_path, lambda: nullcontext(Lost())))
    assert len(files(tmp_path)) == 8


def test_the_data_go_with_the_first_tasks_alone_unless_lacking(setting, undisturbed, tmp_path):
    start, tells, _ = dying(lambda task, tells: False)
    REMEMBERED.clear()
    assert made_up.swept(made_up.sweep(setting, tmp_path, start)) == undisturbed
    assert [brought for _, brought in tells] == [True] * 2 + [False] * 14


def test_a_worker_that_has_forgotten_the_data_is_sent_them(setting, undisturbed, tmp_path):
    def forgets(task, tells):
        if len(tells) == 7:
            REMEMBERED.clear()
        return False

    start, tells, _ = dying(forgets)
    assert made_up.swept(made_up.sweep(setting, tmp_path, start)) == undisturbed
    assert len(tells) > 16
    assert sum(brought for _, brought in tells) in (3, 4)
