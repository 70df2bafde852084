"""Lesson 13: coordinates, three ways down, and a validation set that is overfitted."""

import re

import pytest
from lesson import outputs, printed

from paper_repro.lessons.script import solutions

SIGMOID, NEWTON = solutions(13).values()


def test_newton_ends_where_lbfgs_does_and_the_test_error_turns():
    run = outputs(13)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 2
    found = {n: float(f) for n, f in re.findall(r"^(\S+) +f = (\S+) after", text, re.MULTILINE)}
    assert list(found) == ["L-BFGS-B", "trust-exact", "Adam"]
    assert found["L-BFGS-B"] == pytest.approx(found["trust-exact"], abs=1e-5)
    assert found["Adam"] < found["trust-exact"] + 1e-2
    assert re.search(r"∇²f at the end: .* right", text)
    start, end = map(float, re.search(r"validation (\S+) → ([\d.]+);", text).groups())
    assert end < start
    last, best = map(float, re.search(r"→ ([\d.]+), at best ([\d.]+)", text).groups())
    assert best < last
    assert "Exercise 1: not answered yet.\n" in text


def test_right_answers():
    assert printed(13, **solutions(13)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    no_chain = SIGMOID.replace(" * mu * (1 - mu)", "")
    said = printed(13, answer_1=no_chain, answer_2="answer_2 = -in_theta.grad")
    one, two = said.split("Exercise ")[1:]
    assert "WRONG in mu" in one
    assert "sign" in two
