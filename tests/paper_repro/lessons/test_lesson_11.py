"""Lesson 11: the limit of long training, the series that sums to it, and the way there."""

import re

import pytest
from lesson import outputs, printed

from paper_repro.lessons.script import solutions

BY_ONE_SYSTEM, BY_THE_SERIES = solutions(11).values()


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
    assert "largest at T = 44; the second term alone at 39.5" in text
    assert float(re.search(r"off the closed form by (\S+)", text)[1]) < 1e-11
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(11, **solutions(11)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    sign = BY_ONE_SYSTEM.replace("-q_1", "q_1")
    one_step = BY_THE_SERIES.replace("range(100):\n    q_2", "range(1):\n    q_2")
    one, two = printed(11, answer_1=sign, answer_2=one_step).split("Exercise ")[1:]
    assert "wrong sign" in one
    assert "sign" in one.split("WRONG")[1]
    assert "truncated (K = 1)" in two
