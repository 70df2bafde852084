"""Lesson 14: a loop in torch; one run hides its bug, another shows it; two gradients by hand."""

import re

import pytest
from lesson import outputs, printed

from paper_repro.lessons.script import solutions

pytest.importorskip("torch")
BY_HAND, MENDED = solutions(14).values()


def test_one_run_hides_the_bug_and_another_shows_it():
    run = outputs(14)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 1
    assert text.count("hypergradient: right") == 1
    assert "right {'eta': 'right', 'mu': 'right', 'l2': 'right'}" in text
    assert "attached: right\ndetached: wrong in ['l2', 'w0']\nfirst-velocity-detached" in text
    assert "cut=False: right \n" in text
    assert re.search(r"cut=True: wrong f itself contradicts .* TorchDynamics is wrong in", text)
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(14, **solutions(14)).count(": hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    plain = BY_HAND.replace('x["mu"] * a_v\n', "0 * a_v\n")
    unmended = MENDED.replace("detached + lost.reshape(-1)", "detached")
    one, two = printed(14, answer_1=plain, answer_2=unmended).split("Exercise ")[1:]
    assert "accessory-state-detached" in one
    assert "first-velocity-detached" in two
