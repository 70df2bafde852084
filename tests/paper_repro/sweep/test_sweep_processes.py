"""Processes of this machine: killed one by one, all at once, or by Ctrl-C, at any moment."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from multiprocessing import active_children
from pathlib import Path

import made_up
import numpy as np
import pytest

from paper_repro.record import read_json
from paper_repro.sweep.engine import TaskFailed
from paper_repro.sweep.workers import Processes

TWO = partial(Processes, 2)
ENDS = 10  # seconds in which processes are gone

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and /proc are POSIX's")


def pids(log):
    """The processes that tasks were begun in."""
    return {int(path.name.split("_")[2]) for path in Path(log).iterdir()}


def until(holds, seconds=ENDS):
    """Wait until it holds; whether it does."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:  # a zombie of somebody who does not look after its dead
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def assert_whole(folder):
    """No result is half-written."""
    for path in (folder / "made-up").glob("[!.]*"):
        assert path.suffix == ".json"
        assert set(json.loads(path.read_text())) == {"task", "result", "sha256", "made with"}


def test_a_worker_killed_in_the_middle_changes_nothing(setting, undisturbed, tmp_path, log):
    todo = made_up.sweep(setting.changed(pause=0.02), tmp_path, TWO)
    for j, _ in enumerate(todo.as_completed()):
        if j == 5:
            before = pids(log)
            os.kill(min(before), signal.SIGKILL)
    assert made_up.table(todo) == undisturbed
    assert 16 <= len(made_up.runs(log)) <= 19  # what was in flight was run twice
    assert pids(log) - before
    assert not active_children()
    assert_whole(tmp_path)


def test_a_task_that_kills_its_worker_is_named(setting, tmp_path):
    deadly = setting.changed(deadly="times-3 0")
    with pytest.raises(TaskFailed, match="made-up: times-3, seed 0: a worker died while it ran"):
        made_up.swept(made_up.sweep(deadly, tmp_path, TWO))
    assert not active_children()
    assert_whole(tmp_path)


# --- the whole run ---


def hear_ctrl_c():
    """Processes of pytest-xdist ignore it, and so would their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def begin(folder, log, pause):
    return subprocess.Popen(
        [sys.executable, made_up.__file__, str(folder), str(log), str(pause), "2"],
        start_new_session=True, preexec_fn=hear_ctrl_c,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip


def status(program):
    """The exit status of a program that says nothing."""
    assert program.communicate(timeout=ENDS) == ("", "")
    return program.returncode


def test_the_whole_run_killed_again_and_again_comes_to_the_same_table(undisturbed, tmp_path, log):
    rng, out = np.random.default_rng(0), tmp_path / "out"
    for goal in (1, 4, 7, 11):  # runs begun when the program is killed
        before = len(made_up.runs(log))
        program = begin(out, log, 0.03)
        assert until(lambda goal=goal: len(made_up.runs(log)) >= goal)
        time.sleep(rng.uniform(0, 0.03))
        program.kill()
        program.communicate(timeout=ENDS)
        assert until(lambda: all(gone(pid) for pid in pids(log)))  # no orphans
        assert before < len(made_up.runs(log)) < 16 + 3 * 4
        assert_whole(out)
    assert not (out / "table.json").exists()
    assert status(begin(out, log, 0.0)) == 0
    assert read_json(out / "table.json") == undisturbed
    assert 16 <= len(made_up.runs(log)) <= 16 + 2 * 4  # at most two in flight at each death
    assert_whole(out)


def test_ctrl_c_ends_everybody_at_once_and_loses_nothing(undisturbed, tmp_path, log):
    out = tmp_path / "out"
    program = begin(out, log, 0.05)
    assert until(lambda: len(made_up.runs(log)) >= 5)
    os.killpg(program.pid, signal.SIGINT)
    assert status(program) == 130
    assert until(lambda: all(gone(pid) for pid in pids(log)))
    assert len(list((out / "made-up").iterdir())) >= 3
    assert_whole(out)
    assert status(begin(out, log, 0.0)) == 0
    assert read_json(out / "table.json") == undisturbed
    assert len(made_up.runs(log)) <= 16 + 2


def test_ctrl_c_does_not_wait_for_long_tasks(tmp_path, log):
    program = begin(tmp_path / "out", log, 60)
    assert until(lambda: len(made_up.runs(log)) == 2)
    os.killpg(program.pid, signal.SIGINT)
    assert status(program) == 130
    assert until(lambda: all(gone(pid) for pid in pids(log)))


def test_ctrl_c_is_blocked_in_a_process_from_its_first_moment():
    with Processes(1) as executor:
        held_back = executor.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []).result()
    assert signal.SIGINT in held_back
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.parametrize("count", [0, -1])
def test_without_workers_there_are_no_processes(setting, tmp_path, count):
    with pytest.raises(ValueError, match=f"workers: expected at least 1, found {count}"):
        made_up.swept(made_up.sweep(setting, tmp_path, partial(Processes, count)))
