"""Lesson 15: momentum run backwards, the bits that it forgets, two gradients by the undone run."""

import re

import pytest
from lesson import outputs, printed

from paper_repro.lessons.script import solutions

UNDONE, BY_TENS = solutions(15).values()


def test_the_bits_are_those_that_were_counted():
    run = outputs(15)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 2
    assert "8 of 12 share their image" in text
    found = re.findall(r"μ = (\S+): (\S+) bits, +\S+ % of the states' memory, .* by (\S+)", text)
    assert len(found) == 7
    for mu, bits, gap in ((float(x) for x in row) for row in found):
        assert bits == pytest.approx(2 * (1 - mu), abs=0.03)
        assert gap < 1e-11
    assert re.findall(r"bytes, (\S+) runs more", text) == ["9.3", "4.0", "2.5"]
    apart = re.findall(r"apart by (\S+)", text)
    assert [float(x) < 1e-12 for x in apart] == [True] * 3
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(15, **solutions(15)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    detached = [text.replace("mu * alpha_v,", "0 * alpha_v,") for text in (UNDONE, BY_TENS)]
    one, two = printed(15, answer_1=detached[0], answer_2=detached[1]).split("Exercise ")[1:]
    for said in (one, two):
        assert "WRONG in eta, mu" in said
        assert "accessory-state-detached (v)" in said
