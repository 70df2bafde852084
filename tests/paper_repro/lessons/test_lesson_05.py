"""Lesson 5: every term of momentum's and Adam's laws, four Adams, two gradients by pen."""

import re

import pytest
from lesson import outputs, printed

from paper_repro.lessons.script import solutions

PLAIN = """
plain = hgref.Problem(hgref.Momentum(J_1), E_1, T=15)
answer_1 = hgref.reverse(plain, [0.5, 0.8]).grad
"""

NESTEROV, PAPER = solutions(5).values()


def test_pen_laws_and_witness_agree_term_by_term():
    run = outputs(5)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 1
    terms = re.findall(r"^\w+((?: +-?\d+\.\d{10}){4})$", text, re.MULTILINE)
    assert len(terms) == 5 + 12
    for term in terms:
        pen, *others = map(float, term.split())
        assert others == pytest.approx([pen] * 3, abs=2e-10)
    adams = re.findall(r"^(\w+) +(-?\d+\.\d{8}) +(-?\d+\.\d{8})$", text, re.MULTILINE)
    assert [name for name, *_ in adams] == ["torch", "tf1", "optax", "paper"]
    for _, by_hgref, by_witness in adams:
        assert float(by_hgref) == pytest.approx(float(by_witness), abs=1e-6)
    assert [float(number) == 0 for _, number, _ in adams] == [True, False, True, False]
    chain = re.findall(r"by pen (\d+\.\d{9}), complex step (\d+\.\d{9})", text)
    assert [pen == seen for pen, seen in chain] == [True, True]
    apart = re.findall(r"apart from the witness by (\S+)", text)
    assert [float(x) < 1e-14 for x in apart] == [True] * 4
    assert "law -100.00000000, pen -100.00000000, witness -100.00000000\n" in text
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(5, **solutions(5)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    tf1 = PAPER.replace("c_2**2 * q**2", "c_2 * q").replace("D**0.5", "D").replace("D**1.5", "D**2")
    tf1 = tf1.replace("(2 * D**2)", "D**2")
    one, two = printed(5, answer_1=PLAIN, answer_2=tf1).split("Exercise ")[1:]
    assert "WRONG in eta, mu" in one
    assert "nesterov (without it)" in one
    assert "WRONG in eta, beta2, eps" in two
    assert "adam-convention (tf1)" in two
