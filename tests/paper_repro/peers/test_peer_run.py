"""Workers: a library that dies, hangs or is not there takes no other's answers with it."""

import time

import numpy as np
import pytest

from hgref.verify.vectors.vector import shipped
from paper_repro.peers.run import pose_all
from paper_repro.peers.worker import one_line

VECTORS = {name: shipped()[name] for name in ("gd-quadratic", "gd-softmax", "momentum-quadratic")}


def posed(library, limit=60.0):
    ticks = []
    return pose_all(library, VECTORS, limit, lambda: ticks.append(1)), ticks


def test_each_vector_is_answered(library):
    found, ticks = posed(library("right"))
    assert list(found.answers) == list(VECTORS)
    assert len(ticks) == 3
    assert set(found.answers["gd-softmax"]["grad"]) == {"eta", "weights"}
    assert found.versions["numpy"] == np.__version__
    assert found.missing == []


def test_a_death_is_one_crash_and_the_rest_is_answered(library):
    found, ticks = posed(library("dies"))
    assert found.answers["gd-softmax"] == {"crashed": "the process ended with status 7"}
    assert "grad" in found.answers["gd-quadratic"]
    assert "grad" in found.answers["momentum-quadratic"]
    assert len(ticks) == 3


def test_an_error_is_its_message_in_one_line(library):
    found, _ = posed(library("raises"))
    assert {tuple(a.items()) for a in found.answers.values()} == {
        (("crashed", "RuntimeError: no such kernel"),)
    }


def test_time_runs_out_for_one_library_alone(library):
    started = time.perf_counter()
    found, _ = posed(library("hangs"), limit=1.5)
    assert time.perf_counter() - started < 20
    assert "grad" in found.answers["gd-quadratic"]
    assert found.answers["gd-softmax"] == {"out of time": 1.5}
    assert found.answers["momentum-quadratic"] == {"out of time": 1.5}


def test_a_library_that_is_not_there_is_missing(library):
    found, _ = posed(library("right", ("numpy", "no-such-distribution")))
    assert found.missing == ["no-such-distribution"]
    assert found.answers == {}


def test_what_cannot_be_said_is_a_sentence(library):
    found, _ = posed(library("silent"))
    assert found.answers["gd-softmax"] == {"not expressible": "it has no optimizer at all"}


def test_an_interrupted_wait_ends_the_worker(library):
    with pytest.raises(KeyboardInterrupt):
        pose_all(library("right"), VECTORS, 60.0, interrupt)


def interrupt():
    raise KeyboardInterrupt


def test_messages_are_cut():
    assert one_line("a\n b" + 400 * "c") == "a b" + 297 * "c"
