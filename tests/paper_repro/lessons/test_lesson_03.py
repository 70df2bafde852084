"""Lesson 3: the sensitivities, by matrices, by the library, by the complex step; two by hand."""

import re

import numpy as np
import pytest
from lesson import outputs, printed

from paper_repro.lessons.script import solutions

FORWARD, LEARNT_START = solutions(3).values()
AFTER_THE_STEP = """
x = descent.unpack(point)
ws, Z = list(descent.states(x)), np.zeros((12, 2))
for t in range(1, 16):
    A, B = hgref.jacobians.A, hgref.jacobians.B
    Z = A(descent, t, ws[t], point) @ Z + B(descent, t, ws[t], point)
answer_1 = E.grad(15, ws[15], x) @ Z
"""


def test_it_runs_and_the_witnesses_agree():
    run = outputs(3)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 2
    rows = [np.fromstring(row, sep=" ") for row in re.findall(r"\[(-.*)\]\n", text)]
    assert len(rows) == 3
    for row in rows[1:]:
        assert row == pytest.approx(rows[0], rel=1e-6)
    gaps = [float(gap) for gap in re.findall(r"difference[^:]*: (\S+)", text)]
    assert len(gaps) == 4
    assert max(gaps) < 1e-12
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(3, **solutions(3)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    forgotten = LEARNT_START.replace("np.eye(12)", "np.zeros((12, 12))")
    one, two = printed(3, answer_1=AFTER_THE_STEP, answer_2=forgotten).split("Exercise ")[1:]
    assert "WRONG in eta, l2" in one
    assert "jacobians-at-s_t" in one
    assert "WRONG in w0" in two
    assert "w0-not-learned" in two
