"""Lesson 8: five ways in which hypergradients lie, and what tells of each."""

import re

from lesson import outputs, printed

from paper_repro.lessons.script import solutions

FOLLOWED, IN_FLOAT32 = solutions(8).values()


def test_it_runs_and_each_lie_is_told():
    run = outputs(8)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 4
    rates = re.findall(r"rate (\S+), max \|1 - ηh\| (\S+),", text)
    assert [abs(float(fit) - float(factor)) < 0.01 for fit, factor in rates] == [True] * 3
    assert "left the finite numbers at step t = " in text
    reverse, witness = re.search(r"reverse (\S+), complex step (\S+)", text).groups()
    assert reverse == witness
    assert float(witness) < 0
    slopes = re.findall(r"slope (\S+), difference (\S+)", text)
    assert [abs(float(a) / float(b) - 1) < 1e-5 for a, b in slopes] == [True] * 2
    assert "differentiated-another-map (paper), to 0e+00" in text
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(8, **solutions(8)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    forgetful = FOLLOWED.replace("beta1 * dm + ", "")
    widened = IN_FLOAT32.replace("total}", "float(total)}")
    one, two = printed(8, answer_1=forgetful, answer_2=widened).split("Exercise ")[1:]
    assert "WRONG in w0" in one
    assert "accessory-state-detached (m" in one
    assert "WRONG in eta" in two
    assert "float32, to" in two


def test_what_autodiff_and_a_short_horizon_answer():
    chain_rule = 'answer_1 = {"w0": [np.nan]}'
    short = 'answer_2 = {"eta": hgref.truncated(noisy, rate, 50)["eta"]}'
    one, two = printed(8, answer_1=chain_rule, answer_2=short).split("Exercise ")[1:]
    assert "not-finite" in one
    assert "truncated (K = 50)" in two
    assert "eta has the wrong sign" in two
