"""Lesson 9: BPTT and RTRL by hand, and what a recurrent network forgets."""

import re

from lesson import outputs, printed

from paper_repro.lessons.script import solutions

FIRST_STATE, BIASES = solutions(9).values()


def test_it_runs_and_the_witness_agrees():
    run = outputs(9)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 1
    apart = [float(x) for x in re.findall(r"apart from the witness: (\S+)", text)]
    assert [x < 1e-14 for x in apart] == [True] * 4
    assert "self.units(alpha)" in text
    lines = re.findall(r"ρ = (\S+): a step back multiplies ‖α‖ by (\S+); K for 1 %: (\d+)", text)
    assert len(lines) == 5
    for rho, rate, K in lines:
        assert float(rate) <= float(rho)
        assert (int(K) < 20) == (float(rho) < 1)
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(9, **solutions(9)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    transposed = FIRST_STATE.replace("np.outer(delta, s[t - 1])", "np.outer(s[t - 1], delta)")
    memoryless = BIASES.replace("1.2 * W @ Z", "0 * Z")
    one, two = printed(9, answer_1=transposed, answer_2=memoryless).split("Exercise ")[1:]
    assert "WRONG in W" in one
    assert "transposed (W)" in one
    assert "WRONG in b" in two
    assert "truncated (K = 1)" in two


def test_a_first_state_that_is_not_learned():
    constant = FIRST_STATE.replace('"w0": alpha', '"w0": 0 * alpha')
    assert "w0-not-learned" in printed(9, answer_1=constant)
