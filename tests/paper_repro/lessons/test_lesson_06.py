"""Lesson 6: partial hypergradients, what RTHO's number is, and two gradients by hand."""

import re

import pytest
from lesson import outputs, printed

from paper_repro.lessons.script import solutions

CARRIED, SCHEDULE = solutions(6).values()


def test_rtho_is_exact_for_its_schedule_and_biased_by_the_rate():
    run = outputs(6)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 2
    assert float(re.search(r"agree to (\S+)", text)[1]) < 1e-13
    assert "by hand as by hgref: True" in text
    rows = [list(map(float, row.split())) for row in re.findall(r"^rate \S+ (.*)$", text, re.M)]
    assert len(rows) == 3
    for rtho, schedule, today, bias, _ in rows:
        assert rtho == pytest.approx(schedule, abs=2e-5)
        assert bias == pytest.approx(rtho - today, abs=2e-5)
    assert rows[0][-1] == pytest.approx(rows[1][-1], rel=0.05)  # proportional, while it is small
    still, realtime, truncated, many = (float(e) for e in re.findall(r"E = (\d\.\d+)", text))
    assert max(realtime, truncated, many) < 0.7 * still
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(6, **solutions(6)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    reset = CARRIED + "\n        Z = 0 * Z"
    stale = SCHEDULE.replace("a_v - eta[t - 1]", "a_v - eta[0]")
    one, two = printed(6, answer_1=reset, answer_2=stale).split("Exercise ")[1:]
    assert "WRONG in eta, mu" in one
    assert "truncated (K = 5)" in one
    assert "WRONG in eta, mu" in two
    assert "stale-rate" in two
