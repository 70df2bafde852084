"""Lesson 7: the weight of an example, the projection, wrong labels thrown out; two by hand."""

import re

import pytest
from lesson import outputs, printed

from paper_repro.lessons.script import solutions

pytest.importorskip("mlxtend")

WHOLE, BATCHES = solutions(7).values()


def test_witnesses_agree_and_wrong_labels_go():
    run = outputs(7)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 3
    reverse, witness, by_hand, capped = (
        [float(x) for x in re.search(name + r" +\[(.*)\]", text)[1].split()] for name in
        ("reverse", "complex step", "by hand", "CappedBox"))  # fmt: skip
    assert reverse == pytest.approx(witness, rel=1e-6)
    assert by_hand == pytest.approx(capped, rel=1e-7)
    assert re.search(r"of [1-9]\d{3} others in Λ 0 are nearer", text)
    out, found, wrong = map(
        int, re.search(r"(\d+) thrown out, (\d+) .* (\d+) wrong", text).groups()
    )
    assert 2 * found / (out + wrong) > 0.85  # F1
    before, after = (float(x) for x in re.findall(r"([\d.]+)%", text))
    assert after > before + 5
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(7, **solutions(7)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    still = WHOLE.replace("    alpha = alpha - ", "    unused = alpha - ")
    scaled = BATCHES.replace("B = [np.zeros(3)], 4", "B = [np.zeros(3)], 12")
    one, two = printed(7, answer_1=still, answer_2=scaled).split("Exercise ")[1:]
    assert "WRONG in weights" in one
    assert "first-order" in one
    assert "WRONG in weights" in two
    assert "batch-scaling (1/n in place of 1/B)" in two
