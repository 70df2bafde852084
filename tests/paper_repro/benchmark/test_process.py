"""Workers: their threads, their answers, their refusals and their deaths."""

import subprocess
import sys
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pytest

from paper_repro.benchmark import process
from paper_repro.benchmark.floor import BLOCK, pairs_of_products
from paper_repro.benchmark.process import answer, in_process, surroundings


class Said:
    """A process that has said these lines."""

    def __init__(self, *lines):
        self.stdout = lines

    def wait(self):
        return -9


def test_answers_refusals_and_silence_are_told_apart():
    ticks = []
    said = Said('"tick"\n', '"tick"\n', '{"answer": 3}\n')
    assert answer(said, "timing", lambda: ticks.append(1)) == 3
    assert len(ticks) == 2
    with pytest.raises(ValueError, match="nothing was timed"):
        answer(Said('{"refused": "nothing was timed"}\n'), "timing", lambda: None)
    with pytest.raises(ChildProcessError, match="memory: the process ended with status -9"):
        answer(Said('"tick"\n'), "memory", lambda: None)


def test_a_worker_answers_and_refuses_in_its_own_words(setting):
    about = {"problem": "P3 forward", "dtype": "float64", "peers": False}
    ticks = []
    tick = partial(ticks.append, 1)
    found = in_process("timing", 1, tick, setting=asdict(setting), **about)
    assert (found["m"], found["T"], len(ticks)) == (4, setting.few_T, setting.rounds)
    with pytest.raises(ValueError, match="T: expected at least 1, found 0"):
        in_process("timing", 1, tick, setting=asdict(replace(setting, few_T=0)), **about)


def test_everything_gets_the_same_number_of_threads(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=nowhere")
    found = surroundings(1)
    assert {found[name] for name in process.THREADS} == {"1"}
    assert found["XLA_FLAGS"] == "--xla_dump_to=nowhere --xla_cpu_multi_thread_eigen=false"
    code = (
        "import os; from paper_repro.benchmark.worker import keep_to_cores; keep_to_cores(1);"
        "import numba; print(numba.get_num_threads(), len(os.sched_getaffinity(0)))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=found, capture_output=True, text=True)
    assert done.stdout.split() == (["1", "1"] if hasattr(process.os, "sched_getaffinity") else [])


def test_an_interrupted_wait_ends_the_worker(setting, monkeypatch):
    started = []

    def interrupted(worker, job, tick):
        started.append(worker)
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "answer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        in_process("memory", 1, lambda: None, setting=asdict(setting), contender="fast")
    assert started[0].returncode is not None


def test_a_block_of_the_floor_does_both_products():
    X, W = np.random.default_rng(0).standard_normal((2, 150, 7))
    sums = pairs_of_products.py_func(X, W[:3].T, 1, BLOCK, 1)
    last = X[2 * BLOCK :]
    assert np.allclose(sums[0], (last @ W[:3].T).T @ last)
