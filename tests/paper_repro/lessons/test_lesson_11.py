"""Lesson 11: the limit of long training, the series that sums to it, and the way there."""

import re

import pytest
from lesson import outputs, printed

BY_ONE_SYSTEM = """
H_1 = X.T @ X / 30 + np.diag(each)
w_1 = np.linalg.solve(H_1, X.T @ y / 30)
q_1 = np.linalg.solve(H_1, Xv.T @ (Xv @ w_1 - yv) / 20)
answer_1 = {"l2": -q_1 * w_1}
"""
BY_THE_SERIES = """
w_2 = np.zeros(4)
for _ in range(600):
    w_2 = w_2 - eta * (H_each @ w_2 - X.T @ y / 30)
u, q_2 = Xv.T @ (Xv @ w_2 - yv) / 20, np.zeros(4)
for _ in range(600):
    q_2, u = q_2 + eta * u, u - eta * (H_each @ u)
answer_2 = {"l2": -q_2 * w_2}
"""


def test_pen_series_and_run_agree_and_the_hump_is_where_it_is_predicted():
    run = outputs(11)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 1
    pen, reverse = map(float, re.search(r"by pen (\S+), reverse (\S+)", text).groups())
    assert reverse == pytest.approx(pen, rel=1e-10)
    off = [float(x) for x in re.findall(r"K = +\d+: \S+, off by (\S+)", text)]
    assert len(off) == 5
    assert off == sorted(off, reverse=True)
    one, first = (float(re.search(p, text)[1]) for p in (r"one-step (\S+)", r"K =  1: (\S+),"))
    assert one == pytest.approx(first, abs=2e-9)
    largest, predicted = map(int, re.search(r"T = (\d+), predicted (\d+)", text).groups())
    assert abs(largest - predicted) <= 12
    assert float(re.search(r"off the closed form by (\S+)", text)[1]) < 1e-11
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    said = printed(11, answer_1=BY_ONE_SYSTEM, answer_2=BY_THE_SERIES)
    assert said.count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    sign = BY_ONE_SYSTEM.replace("-q_1", "q_1")
    one_step = BY_THE_SERIES.replace("range(600):\n    q_2", "range(1):\n    q_2")
    one, two = printed(11, answer_1=sign, answer_2=one_step).split("Exercise ")[1:]
    assert "wrong sign" in one
    assert "sign" in one.split("WRONG")[1]
    assert "truncated (K = 1)" in two
