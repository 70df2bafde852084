"""Lesson 10: a training run in balls, proven digits, and exercises in balls and fractions."""

import re
import sys

import pytest
from lesson import before_the_exercises, outputs, printed

from paper_repro.lessons.script import solutions

BALLS, FRACTIONS = solutions(10).values()


def test_it_runs_and_proves_its_digits():
    pytest.importorskip("flint")
    run = outputs(10)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 2
    assert "Fraction  23/100" in text
    shipped, again = (
        re.search(rf"^{name} +(.*)$", text, re.M)[1] for name in ("shipped", "once more")
    )
    assert shipped == again
    assert "expected 30 proven digits, found fewer" in text
    assert "forward and reverse overlap: True" in text
    differences = re.search(r"by differences (\S+)", text)[1]
    proven = re.findall(r"∂f/∂\w+ +(\S+): error (\S+) ≤ (\S+)", text)
    assert differences == proven[0][0]
    assert [float(error) <= float(tolerance) for _, error, tolerance in proven] == [True] * 3
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    pytest.importorskip("flint")
    assert printed(10, **solutions(10)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    pytest.importorskip("flint")
    forgetful = BALLS.replace("eta, mu, 1, 0, 0, b_v, b_w)", "eta, mu, 1, 0, 0, 0 * b_v, b_w)")
    detached = FRACTIONS.replace(" + w * dl2", "")
    one, two = printed(10, answer_1=forgetful, answer_2=detached).split("Exercise ")[1:]
    assert "WRONG in eta, mu" in one
    assert "accessory-state-detached (v)" in one
    assert "WRONG in l2" in two
    assert "mixed-term-dropped" in two


def test_without_flint_it_says_how_to_install_it(monkeypatch):
    before_the_exercises.cache_clear()
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install -e"):
        outputs(10)
