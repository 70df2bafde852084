"""What an exercise says to a right, a wrong and no answer."""

import re

import numpy as np
import pytest

import hgref
from paper_repro.lessons.exercise import exercise

PROBLEM = hgref.Problem(
    hgref.Momentum(hgref.objectives.Quadratic(np.diag([1.0, 3.0]), np.ones(2))),
    hgref.objectives.Quadratic(np.eye(2), np.array([1.0, -1.0])),
    T=5,
)
LAM = {"eta": 0.1, "mu": 0.5}


def test_no_answer_yet(capsys):
    assert exercise(2, PROBLEM, LAM, None) is None
    assert capsys.readouterr().out == "Exercise 2: not answered yet.\n"


def test_a_right_answer(capsys):
    grad = hgref.witness.complex_step(PROBLEM.f, PROBLEM.pack(**LAM))
    assert exercise(1, PROBLEM, LAM, grad) is True
    assert capsys.readouterr().out.startswith("Exercise 1: hypergradient: right\n")


def test_a_wrong_answer_is_diagnosed(capsys):
    problem = hgref.Problem(PROBLEM.dynamics, PROBLEM.E, T=4)
    wrong = hgref.witness.complex_step(problem.f, problem.pack(**LAM))
    assert exercise(1, PROBLEM, LAM, wrong) is False
    printed = capsys.readouterr().out
    assert "WRONG in eta, mu" in printed
    assert str(hgref.diagnose(PROBLEM, LAM, wrong)) in printed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((-1.0, 1.0), "eta has the wrong sign and the right order of magnitude"),
        ((1.1, 1.0), "eta has the right sign and the right order of magnitude"),
        ((1.0, 120.0), "mu has the right sign, and is about 10^2 times too large"),
        ((-1e-3, 1.0), "eta has the wrong sign, and is about 10^3 times too small"),
        ((0.0, 1.0), "eta is 0 and should not be"),
        ((np.nan, 1.0), "eta is not finite"),
    ],
)
def test_a_wrong_answer_gets_hints_and_no_digits(change, said, capsys):
    grad = hgref.witness.complex_step(PROBLEM.f, PROBLEM.pack(**LAM))
    assert exercise(1, PROBLEM, LAM, grad * change) is False
    printed = capsys.readouterr().out
    assert said in printed
    for number in grad:
        assert not re.search(f"{abs(number):.3g}".rstrip("0"), printed)
    assert exercise(1, PROBLEM, LAM, grad * change, reveal=True) is False
    assert f"{grad[0]:.8g}" in capsys.readouterr().out or change[0] == 1.0


def test_an_answer_of_another_shape_is_a_sentence(capsys):
    assert exercise(1, PROBLEM, LAM, np.ones(3)) is False
    assert capsys.readouterr().out == "Exercise 1: candidate: expected shape (2,), found (3,)\n"
    assert exercise(1, PROBLEM, LAM, {"nu": 1.0}) is False
    assert "nu" in capsys.readouterr().out
