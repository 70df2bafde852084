"""Lesson 1: one step's Jacobians, and hypergradients of one step and of two."""

import re

from lesson import outputs, printed

ONE = """
s_1 = problem.step(1, s_0 := problem.start(blocks), blocks)
v, w = np.split(s_0, 2)
B_1 = np.vstack([np.c_[0 * v, v, w], np.c_[-np.split(s_1, 2)[0], -eta * v, -eta * w]])
answer_1 = single.error_grad(1, s_1, blocks)[0] @ B_1
"""
TWO = """
s_1 = problem.step(1, s_0 := problem.start(blocks), blocks)
s_2 = problem.step(2, s_1, blocks)
B_1 = hgref.jacobians.B(problem, 1, s_0, lam)
A_2, B_2 = hgref.jacobians.A(problem, 2, s_1, lam), hgref.jacobians.B(problem, 2, s_1, lam)
row = double.error_grad(2, s_2, blocks)[0]
"""


def test_it_runs_and_the_witnesses_agree():
    run = outputs(1)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 2
    gaps = [float(gap) for gap in re.findall(r"witness (\S+)", text)]
    assert len(gaps) == 4
    assert max(gaps) < 1e-14
    assert "Exercise 1: not answered yet.\nExercise 2: not answered yet.\n" in text


def test_right_answers():
    text = printed(1, answer_1=ONE, answer_2=TWO + "answer_2 = row @ (A_2 @ B_1 + B_2)")
    assert text.count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    text = printed(1, answer_1=ONE + "answer_1 = -answer_1", answer_2=TWO + "answer_2 = row @ B_2")
    one, two = text.split("Exercise ")[1:]
    assert "WRONG in eta" in one
    assert "sign" in one
    assert "WRONG in eta, l2" in two  # not in mu: the velocity is 0 before the first step
    assert "truncated" in two
