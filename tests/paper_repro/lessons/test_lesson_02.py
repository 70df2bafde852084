"""Lesson 2: the multipliers, by matrices, by the library, by a nudge; two reverse loops by hand."""

import re

import numpy as np
import pytest
from lesson import outputs, printed

from paper_repro.lessons.script import solutions

SCHEDULE, MOMENTUM = solutions(2).values()


def test_it_runs_and_the_witnesses_agree():
    run = outputs(2)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 1
    rows = [np.fromstring(row, sep=" ") for row in re.findall(r"\[(.*)\]\n", text)]
    assert len(rows) == 3
    for row in rows[1:]:
        assert row == pytest.approx(rows[0], rel=1e-6)
    assert float(re.search(r"t = 25: (\S+)", text)[1]) < 1e-14
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(2, **solutions(2)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    backwards = SCHEDULE + "\nanswer_1 = answer_1[::-1]"
    detached = MOMENTUM.replace("mu * alpha_v,", "0 * alpha_v,")
    one, two = printed(2, answer_1=backwards, answer_2=detached).split("Exercise ")[1:]
    assert "WRONG in eta" in one
    assert "schedule-backwards" in one
    assert "WRONG in eta, mu" in two
    assert "accessory-state-detached" in two
