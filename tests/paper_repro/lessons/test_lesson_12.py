"""Lesson 12: an optimizer of the reader's own, its witnesses, and three ways to break it."""

import re

from lesson import outputs, printed

from paper_repro.lessons.script import solutions

BACKWARDS, FORWARDS = solutions(12).values()


def test_the_law_is_right_and_each_broken_one_is_found():
    run = outputs(12)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 1
    assert text.startswith("right\n")
    assert float(re.search(r"apart by (\S+)", text)[1]) < 1e-13
    for name, block in (("frozen", "mu"), ("halved", "tau"), ("detached", "v")):
        reason = re.search(rf"^{name}: (.*)$", text, re.MULTILINE)[1]
        assert "vjp" in reason
        assert block in reason
    numbers = re.search(r"f: (\S+) → (\S+); without training (\S+)", text).groups()
    first, last, untrained = map(float, numbers)
    assert last < first < untrained
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(12, **solutions(12)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    first_order = BACKWARDS.replace("a_w = a_w + J", "a_w = a_w + 0 * J")
    without_eta = FORWARDS.replace("*np.eye(3))", "*(np.eye(3) * [0, 1, 1]))")
    one, two = printed(12, answer_1=first_order, answer_2=without_eta).split("Exercise ")[1:]
    assert "WRONG in eta, mu, tau" in one
    assert "first-order" in one
    assert "WRONG in eta" in two
    assert "eta is 0 and should not be" in two
