"""What an exercise says to a right, a wrong and no answer."""

import numpy as np

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
