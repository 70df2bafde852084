"""Lesson 2: the multipliers, by matrices, by the library, by a nudge; two reverse loops by hand."""

import re

import numpy as np
import pytest
from lesson import outputs, printed

SCHEDULE = """
eta = descent.unpack(rates)["eta"]
ws = list(descent.states(descent.unpack(rates)))
alpha, answer_1 = descent.error_grad(10, ws[10], rates)[0], np.zeros(10)
for t in range(10, 0, -1):
    w = ws[t - 1]
    answer_1[t - 1] = -alpha @ J.grad(t, w, {})
    alpha = alpha - eta[t - 1] * J.grad_vjp(t, w, {}, alpha)[0]
"""
MOMENTUM = """
states = list(heavy.states(heavy.unpack(point)))
eta, mu = point
alpha_v, alpha_w = np.split(heavy.error_grad(12, states[12], point)[0], 2)
answer_2 = np.zeros(2)
for t in range(12, 0, -1):
    (v, w), (v_next, _) = np.split(states[t - 1], 2), np.split(states[t], 2)
    alpha_v = alpha_v - eta * alpha_w
    answer_2 += -alpha_w @ v_next, alpha_v @ v
    alpha_v, alpha_w = mu * alpha_v, alpha_w + J.grad_vjp(t, w, {}, alpha_v)[0]
"""


def test_it_runs_and_the_witnesses_agree():
    run = outputs(2)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 1
    rows = [np.fromstring(row, sep=" ") for row in re.findall(r"\[(.*)\]\n", text)]
    assert len(rows) == 3
    for row in rows[1:]:
        assert row == pytest.approx(rows[0], rel=1e-6)
    assert float(re.search(r"t = 25: (\S+)", text)[1]) < 1e-14
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(2, answer_1=SCHEDULE, answer_2=MOMENTUM).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    backwards = SCHEDULE + "answer_1 = answer_1[::-1]"
    detached = MOMENTUM.replace("mu * alpha_v,", "0 * alpha_v,")
    one, two = printed(2, answer_1=backwards, answer_2=detached).split("Exercise ")[1:]
    assert "WRONG in eta" in one
    assert "schedule-backwards" in one
    assert "WRONG in eta, mu" in two
    assert "accessory-state-detached" in two
