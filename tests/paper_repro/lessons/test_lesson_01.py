"""Lesson 1: one step's Jacobians, and hypergradients of one step and of two."""

import re

from lesson import outputs, printed

from paper_repro.lessons.script import solutions

ONE, TWO = solutions(1).values()


def test_it_runs_and_the_witnesses_agree():
    run = outputs(1)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 2
    gaps = [float(gap) for gap in re.findall(r"witness (\S+)", text)]
    assert len(gaps) == 4
    assert max(gaps) < 1e-14
    assert "Exercise 1: not answered yet.\nExercise 2: not answered yet.\n" in text


def test_right_answers():
    assert printed(1, **solutions(1)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    text = printed(
        1, answer_1=ONE + "\nanswer_1 = -answer_1", answer_2=TWO.replace("(A_2 @ B_1 + B_2)", "B_2")
    )
    one, two = text.split("Exercise ")[1:]
    assert "WRONG in eta" in one
    assert "sign" in one
    assert "WRONG in eta, l2" in two  # not in mu: the velocity is 0 before the first step
    assert "truncated" in two
